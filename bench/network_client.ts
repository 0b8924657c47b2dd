/** Clients for bench/network.ts: tasks in, answers out, and how long each took. */

import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../src/wire/packet.ts";
import { varsOf } from "../tests/support/store.ts";

/** A task as an application may send it; not before the year 2100, so that it only lies there. */
const VARS = varsOf({
  ...{ ud_spool_func: "send_mail", at: "4102444800" },
  ...{ to: "somebody@example.org", subject: "x".repeat(100) },
});

export interface Load {
  readonly port: number;
  readonly clients: number;
  readonly tasks: number;
  /** Tasks of one connection that wait for their answers at the same time; 0 is a connection each. */
  readonly pipelined: number;
}

export interface Measured {
  readonly tasksPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** @throws {Error} when a task is not accepted */
export async function measure({ port, clients, tasks, pipelined }: Load): Promise<Measured> {
  const latencies: number[] = [];
  let left = tasks;
  const take = () => left-- > 0;
  const client = pipelined === 0
    ? () => oneEach(port, take, latencies)
    : () => pipeline(port, pipelined, take, latencies);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const tookMs = performance.now() - startedAt;
  latencies.sort((a, b) => a - b);
  const quantile = (part: number) => latencies[Math.floor(part * (latencies.length - 1))] ?? NaN;
  return { tasksPerSecond: tasks / tookMs * 1000, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

async function oneEach(port: number, take: () => boolean, latencies: number[]): Promise<void> {
  const packet = encodePacket(VARS, MODIFIER_SPOOL);
  const answer = new Uint8Array(4);
  while (take()) {
    const startedAt = performance.now();
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(packet);
    await readAccepted(connection, answer, 1);
    latencies.push(performance.now() - startedAt);
  }
}

async function pipeline(
  port: number,
  depth: number,
  take: () => boolean,
  latencies: number[],
): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const packet = encodePacket(VARS, MODIFIER_SPOOL, KEEP_OPEN);
  const answers = new Uint8Array(4 * depth);
  const sentAt: number[] = [];
  while (true) {
    const count = takeUpTo(depth - sentAt.length, take);
    if (count === 0 && sentAt.length === 0) return;
    if (count > 0) {
      const startedAt = performance.now();
      for (let n = 0; n < count; n++) sentAt.push(startedAt);
      await connection.write(repeat(packet, count));
    }
    const read = await readAccepted(connection, answers, 1);
    const now = performance.now();
    for (const startedAt of sentAt.splice(0, read)) latencies.push(now - startedAt);
  }
}

function takeUpTo(most: number, take: () => boolean): number {
  let count = 0;
  while (count < most && take()) count++;
  return count;
}

function repeat(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes.length * count);
  for (let n = 0; n < count; n++) all.set(bytes, n * bytes.length);
  return all;
}

/** Reads whole answers, `least` or more; returns how many came. */
async function readAccepted(
  connection: Deno.Conn,
  into: Uint8Array<ArrayBuffer>,
  least: number,
): Promise<number> {
  let filled = 0;
  while (filled < 4 * least || filled % 4 !== 0) {
    const count = await connection.read(into.subarray(filled));
    if (count === null) throw new Error("it closed without an answer");
    filled += count;
  }
  for (let at = 0; at < filled; at += 4) {
    if (into[at] !== 255 || into[at + 3] !== 1) throw new Error("it refused a task");
  }
  return filled / 4;
}
