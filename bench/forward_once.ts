/**
 * One process that brings tasks to a receiver and prints what it measured as one line of JSON.
 * Arguments: PORT COUNT CONNECTIONS SPOOL; with `-` in place of SPOOL the tasks come from memory and not
 * from a backlog: as fast as anybody could ask this receiver. These end at SIGTERM, too.
 */

import { basename } from "@std/path";
import { interpret } from "../src/config/interpret.ts";
import { Forwarder } from "../src/forward/forwarder.ts";
import { WINDOW } from "../src/wire/peer.ts";
import { systemClock } from "../src/platform/clock.ts";
import { Dispatcher } from "../src/queue/dispatcher.ts";
import type { Event } from "../src/report/event.ts";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL, textVar } from "../src/wire/packet.ts";
import { deliveryVars } from "../src/wire/signature.ts";
import { openStore } from "../tests/support/store.ts";
import { peakMiB } from "./drain_once.ts";
import { pinned } from "./forward_receiver.ts";

export interface Forwarded {
  /** Tasks that were accepted. */
  readonly tasks: number;
  /** From the first byte to the last answer, or from the start of the work to its end. */
  readonly tookMs: number;
  /** The most memory the process ever had, in MiB; null where /proc does not say. */
  readonly peakMiB: number | null;
}

type Sent = Pick<Forwarded, "tasks" | "tookMs">;

/** Sends tasks that are made up on the spot, as many without an answer as a forwarder would. */
async function fromMemory(port: number, most: number, connections: number): Promise<Sent> {
  let sent = 0;
  let count = most;
  const stop = () => count = sent;
  Deno.addSignalListener("SIGTERM", stop);
  const converse = async () => {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay(true);
    const buffer = new Uint8Array(4 * WINDOW);
    let open = 0;
    let partial = 0;
    while (true) {
      const packets: Uint8Array[] = [];
      for (; open < WINDOW && sent < count; open++) {
        const task = [textVar("ud_spool_func", "bench"), textVar("n", String(sent++))];
        const vars = deliveryVars(task, { id: `bench:${sent}`, sentAt: Date.now() }, null);
        packets.push(encodePacket(vars, MODIFIER_SPOOL, KEEP_OPEN));
      }
      if (open === 0) return;
      const bytes = new Uint8Array(await new Blob(packets as BlobPart[]).arrayBuffer());
      for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
      const got = await socket.read(buffer);
      if (got === null) throw new Error("the receiver hung up");
      partial += got;
      open -= partial >> 2;
      partial &= 3;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: connections }, converse));
  Deno.removeSignalListener("SIGTERM", stop);
  return { tasks: sent, tookMs: performance.now() - startedAt };
}

async function fromBacklog(
  port: number,
  count: number,
  connections: number,
  spool: string,
): Promise<Sent> {
  const line = `dir=${spool},to=127.0.0.1:${port},connections=${connections}`;
  const place = { file: "/bench.ini", line: 1 };
  const entry = { key: "spooler-forward2", value: line, place };
  const [config] = interpret([entry], "/bench.ini").config.forwards;
  if (!config) throw new Error("no forward");
  let settled = 0;
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  const emit = (event: Event) => {
    if (event.type !== "task.settled") return;
    if (event.fate.kind !== "done") throw new Error(JSON.stringify(event));
    if (++settled === count) resolve();
  };
  const abort = new AbortController().signal;
  const common = { name: basename(spool), clock: systemClock, random: Math.random, emit, abort };
  const store = await openStore(spool);
  const forwarder = await Forwarder.make({ ...common, config, identity: await store.identity() });
  const dispatcher = new Dispatcher({
    ...common,
    config: config.spool,
    store,
    executors: [forwarder],
    concurrency: forwarder,
    env: {},
  });
  dispatcher.watch();
  const startedAt = performance.now();
  await Promise.all([dispatcher.start(), drained]);
  const tookMs = performance.now() - startedAt;
  await dispatcher.stop();
  forwarder.close();
  return { tasks: count, tookMs };
}

if (import.meta.main) {
  const [port, count, connections, spool] = Deno.args;
  if (spool === undefined) throw new TypeError("PORT COUNT CONNECTIONS SPOOL");
  const numbers = [Number(port), Number(count), Number(connections)] as const;
  const sent = spool === "-" ? await fromMemory(...numbers) : await fromBacklog(...numbers, spool);
  const result: Forwarded = { ...sent, peakMiB: peakMiB() };
  console.log(JSON.stringify(result));
}

/** Starts such a process. */
export function startSender(...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("/bin/sh", {
    args: [
      "-c",
      `exec ${pinned(1)} "$0" run -A --quiet "$@"`,
      Deno.execPath(),
      import.meta.filename ?? "",
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Starts such a process and waits for what it measured. */
export function forwardOnce(...args: readonly string[]): Promise<Forwarded> {
  return resultOf(startSender(...args));
}

/** What it has measured, when it has ended. */
export async function resultOf(sender: Deno.ChildProcess): Promise<Forwarded> {
  const { success, stdout, stderr } = await sender.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as Forwarded;
}
