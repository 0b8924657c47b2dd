/**
 * Clients for bench/door.ts in C, where a compiler is: those of Deno cost more than the programs that
 * are measured.
 */

import { join } from "@std/path";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../src/wire/packet.ts";
import { varsOf } from "../tests/support/store.ts";

/** A task as an application may send it. */
const VARS = varsOf({
  ...{ ud_spool_func: "quick", to: "somebody@example.org", subject: "x".repeat(100) },
});
/** One that says when it was sent: what is sent has the time in place of this. */
const TIMED = varsOf({ ud_spool_func: "timed", sent: "@".repeat(20) });

export interface FastLoad {
  /** Of a unix socket. */
  readonly path: string;
  readonly clients: number;
  readonly tasks: number;
  /** Tasks of one connection that wait for their answers at the same time; 0 is a connection each. */
  readonly pipelined: number;
  /** For the function `timed`, one task at a time, so many milliseconds apart; absent is all at once. */
  readonly apartMs?: number;
}

export interface FastMeasured {
  readonly tasksPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadGenerator {
  measure(load: FastLoad): Promise<FastMeasured>;
}

/**
 * Compiles it into a directory.
 *
 * @throws {Error} without a C compiler
 */
export async function loadGenerator(dir: string): Promise<LoadGenerator> {
  const program = join(dir, "network_load");
  const source = new URL("network_load.c", import.meta.url).pathname;
  await output("cc", "-O2", "-o", program, source);
  const packet = (pipelined: number) => join(dir, pipelined > 0 ? "kept" : "single");
  await Deno.writeFile(packet(0), encodePacket(VARS, MODIFIER_SPOOL));
  await Deno.writeFile(packet(1), encodePacket(VARS, MODIFIER_SPOOL, KEEP_OPEN));
  const timed = join(dir, "timed");
  await Deno.writeFile(timed, encodePacket(TIMED, MODIFIER_SPOOL));
  return {
    async measure({ path, clients, tasks, pipelined, apartMs }) {
      const numbers = [clients, tasks, pipelined].map(String);
      const what = apartMs === undefined
        ? [packet(pipelined)]
        : [timed, String(Math.round(apartMs * 1000))];
      const text = await output(program, path, ...numbers, ...what);
      const [tasksPerSecond = NaN, p50 = NaN, p99 = NaN] = text.split(" ").map(Number);
      return { tasksPerSecond, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
    },
  };
}

async function output(file: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(file, { args }).output();
  if (!success) throw new Error(`${file}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
