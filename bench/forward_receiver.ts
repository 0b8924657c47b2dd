/** What both forwarding benchmarks need: a receiver, a process of its own, and places for both sides. */

import { join } from "@std/path";
import { fillSpool } from "../tests/support/fill.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const PEER = new URL("forward_peer.ts", import.meta.url).pathname;

/**
 * What a command begins with that keeps a process on one core, where PINNED is set: receivers on the
 * first, senders on the second, as on two machines.
 */
export function pinned(core: 0 | 1): string {
  return Deno.env.has("PINNED") ? `taskset -c ${core}` : "";
}

/** Directories for one measurement, which go with it. */
export interface Places extends AsyncDisposable {
  /** The receiver's. */
  readonly hub: string;
  /** The sender's spool. */
  readonly out: string;
}

/** @param tasks how many are in the sender's spool; 0 makes none */
export async function makePlaces(tasks: number): Promise<Places> {
  const prefix = "spooler-bench-";
  const hub = await Deno.makeTempDir({ prefix });
  const sender = await Deno.makeTempDir({ dir: Deno.env.get("BACKLOG_TMPDIR") ?? hub, prefix });
  const out = join(sender, "out");
  if (tasks > 0) fillSpool(out, tasks);
  // What was made here, and what the last measurement removed: it is not to be on anybody's account.
  await new Deno.Command("sync").output();
  return {
    hub,
    out,
    async [Symbol.asyncDispose]() {
      for (const dir of [sender, hub]) await Deno.remove(dir, { recursive: true });
    },
  };
}

export interface Started {
  readonly child: Deno.ChildProcess;
  readonly port: number;
}

/** Starts a receiver whose log goes to a file. */
export async function startReceiver(dir: string): Promise<Started> {
  const ini = join(dir, "hub.ini");
  const log = join(dir, "hub.log");
  await Deno.mkdir(join(dir, "in"));
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler-external = in\nsocket = 127.0.0.1:0\n");
  return await start(log, / socket 127\.0\.0\.1:(\d+)/, MAIN, "--ini", ini);
}

/** Starts one that accepts everything and does nothing with it. */
export function startYeaSayer(dir: string): Promise<Started> {
  return start(join(dir, "peer.log"), /^(\d+)$/m, PEER);
}

/** Starts a program of ours; what it prints goes to `log`, and has its port. */
async function start(log: string, port: RegExp, ...args: readonly string[]): Promise<Started> {
  const child = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      `log=$1; shift; exec ${pinned(0)} "$0" run -A --quiet "$@" >"$log" 2>&1`,
      Deno.execPath(),
      log,
      ...args,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  while (true) {
    const text = await Deno.readTextFile(log).catch(() => "");
    const [, number] = port.exec(text) ?? [];
    if (number !== undefined) return { child, port: Number(number) };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
