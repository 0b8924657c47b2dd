/** A stream of one server, with an edge that puts tasks into it and machines that run them. */

import { join } from "@std/path";
import { assertEquals } from "./assert.ts";
import { NatsServer } from "./nats.ts";
import { spooler } from "./program.ts";
import { type TempDir, tempDir } from "./temp.ts";

/** An edge that puts tasks into the stream. */
async function writeEdge(temp: TempDir, server: NatsServer): Promise<string> {
  const ini = join(temp.path, "edge.ini");
  const lines = [`spooler-forward = out ${server.address("jobs")}`];
  await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
  return ini;
}

/** The ini of a machine. @param settings behind the address of its stream */
export async function writeWorker(
  temp: TempDir,
  name: string,
  server: NatsServer,
  settings: string,
  ...lines: string[]
): Promise<string> {
  await Deno.mkdir(join(temp.path, name), { recursive: true });
  const ini = join(temp.path, name, "site.ini");
  const all = [`spooler-stream = ${server.address("jobs")}${settings}`, ...lines];
  await Deno.writeTextFile(ini, ["[uwsgi]", ...all, ""].join("\n"));
  return ini;
}

/** A stream with an edge, and a file for what runs to write to. */
export class StreamSite implements AsyncDisposable {
  private constructor(
    readonly temp: TempDir,
    readonly server: NatsServer,
    readonly edge: string,
    readonly file: string,
  ) {}

  static async make(): Promise<StreamSite> {
    const temp = await tempDir();
    const server = await NatsServer.start();
    await server.create("jobs");
    const edge = await writeEdge(temp, server);
    return new StreamSite(temp, server, edge, join(temp.path, "numbers"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.temp[Symbol.asyncDispose]();
  }
}

/** Puts tasks into the stream through an edge, which ends when it has them. */
export async function put(
  edgeIni: string,
  tasks: readonly Record<string, string>[],
): Promise<void> {
  const lines = tasks.map((task) => JSON.stringify(task)).join("\n");
  const pushed = await spooler(["push", "--ini", edgeIni, "--lines", "-"], lines);
  assertEquals(pushed.code, 0, pushed.stderr);
  const drained = await spooler(["run-once", edgeIni]);
  assertEquals(drained.code, 0, drained.stderr);
}

/** The lines of a file, sorted as numbers. */
export async function numbersIn(file: string): Promise<number[]> {
  const text = await Deno.readTextFile(file).catch(() => "");
  return text.split("\n").filter((line) => line !== "").map(Number).sort((a, b) => a - b);
}
