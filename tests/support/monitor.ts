/** What programs that watch others do: read statistics until the end, and ask over HTTP. */

import type { Program } from "./program.ts";

/** All that a stats socket writes. */
export async function readAll(address: string): Promise<string> {
  const connection = address.startsWith("/") || address.startsWith("\0")
    ? await Deno.connect({ transport: "unix", path: address })
    : await Deno.connect(tcp(address));
  return await new Response(connection.readable).text();
}

function tcp(address: string): Deno.ConnectOptions {
  const [, hostname = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { hostname, port: Number(port) };
}

/** The host and port in the log line of a socket of this kind. */
export async function monitorAddress(program: Program, kind: "stats" | "http"): Promise<string> {
  const line = await program.line(new RegExp(` ${kind} socket [\\d.]+:\\d+$`));
  return line.slice(line.indexOf(" socket ") + " socket ".length);
}

type Json = Readonly<Record<string, unknown>>;

/** The rows that uwsgitop would show: it reads these fields, and stops at one that is missing. */
export function topRows(text: string): readonly Json[] {
  const stats = JSON.parse(text) as Json;
  for (const name of ["version", "cwd"]) mustBe(stats, name, "string");
  for (const name of ["listen_queue", "uid", "gid", "pid"]) mustBe(stats, name, "number");
  const workers = stats.workers as readonly Json[];
  if (!Array.isArray(workers)) throw new Error("workers is no list");
  for (const worker of workers) {
    mustBe(worker, "status", "string");
    for (const name of NUMBERS) mustBe(worker, name, "number");
    for (const core of worker.cores as readonly Json[]) {
      for (const name of ["id", "requests", "in_request"]) mustBe(core, name, "number");
    }
  }
  return workers;
}

const NUMBERS = [
  ...["id", "pid", "requests", "tx", "running_time", "avg_rt", "last_spawn", "signals"],
  ...["exceptions", "rss", "vsz", "respawn_count", "harakiri_count"],
];

function mustBe(object: Json, name: string, type: "string" | "number"): void {
  const found = typeof object[name];
  if (found !== type) throw new Error(`${name} is a ${found}`);
}
