/** `spooler wait` for tasks of a stream of NATS: until their messages have left it. */

import type { StreamQueue } from "../cluster/stream_queue.ts";
import type { StreamTask } from "../cluster/stream_task.ts";
import { MESSAGE_ID } from "../nats/headers.ts";
import { messageAt } from "../nats/messages.ts";
import { pauseOrAbort } from "../platform/aborting.ts";
import { systemClock } from "../platform/clock.ts";
import { safeText } from "../report/safe_text.ts";
import type { FailedRecord } from "../spool/task.ts";
import { CliOutput, note } from "./output.ts";
import { findInStream, positionOf } from "./stream_names.ts";
import { withStream } from "./stream_link.ts";
import { type End, endText, type NamedEnd, namedEndJson } from "./wait.ts";

/** The servers tell nobody that a message is gone. */
const LOOK_AGAIN_MS = 200;

export async function waitInStream(
  where: { readonly dir?: string; readonly ini?: string },
  words: readonly string[],
  { timeoutMs, isJson }: { readonly timeoutMs: number; readonly isJson: boolean },
): Promise<number> {
  words.forEach(positionOf);
  return await withStream(where, async (queue) => {
    const output = new CliOutput();
    const endAt = systemClock.monotonic() + timeoutMs;
    let areDone = true;
    for (const word of words) {
      const ended = await waitForWord(queue, word, { endAt, noteBegun: !isJson });
      const isDone = ended.kind === "end" && ended.end.kind === "done";
      if (!isDone) areDone = false;
      if (isJson) await output.json(namedEndJson(word, ended));
      else if (ended.kind !== "end") note(ended.text);
      else if (isDone) await output.line(`${ended.name}: ${endText(ended.end)}`);
      else note(`${ended.name}: ${endText(ended.end)}`);
      await output.flush();
    }
    return areDone ? 0 : 1;
  });
}

async function waitForWord(
  queue: StreamQueue,
  word: string,
  { endAt, noteBegun }: { readonly endAt: number; readonly noteBegun: boolean },
): Promise<NamedEnd> {
  const lastFailed = await queue.lastFailed();
  const position = positionOf(word);
  const named = position === null || position.place === "failed"
    ? await findInStream(queue, word)
    : null;
  if (named !== null && named.kind !== "one") {
    return { kind: named.kind === "none" ? "unknown" : "ambiguous", text: named.text };
  }
  if (named?.task.place === "failed") {
    const { task } = named;
    return { kind: "end", name: task.name, end: failedEnd(recordIn(task)), wasSeen: false };
  }
  const sequence = named?.task.sequence ?? position?.sequence ?? 0;
  const message = await messageAt(queue.link, queue.link.address.stream, sequence);
  const name = String(sequence);
  if (message !== null) {
    if (noteBegun) note(`${name}: waiting`);
    const id = message.header(MESSAGE_ID);
    const end = await waitForMessage(queue, { sequence, id, lastFailed, endAt });
    return { kind: "end", name, end, wasSeen: true };
  }
  const { state } = await queue.link.manager.streams.info(queue.link.address.stream);
  if (sequence === 0 || sequence > state.last_seq) {
    return { kind: "unknown", text: `${safeText(word)}: no such task: the stream never had it` };
  }
  const failed = await queue.failedOf(sequence, null, 1);
  const end: End = failed === null ? { kind: "done" } : failedEnd(recordIn(failed));
  return { kind: "end", name, end, wasSeen: false };
}

export interface AwaitedMessage {
  readonly sequence: number;
  readonly id: string;
  /** The last message of those that were given up, before it could be one. */
  readonly lastFailed: number;
  /** By the monotonic clock. */
  readonly endAt: number;
}

export async function waitForMessage(
  queue: StreamQueue,
  { sequence, id, lastFailed, endAt }: AwaitedMessage,
): Promise<End> {
  while (await messageAt(queue.link, queue.link.address.stream, sequence) !== null) {
    const leftMs = endAt - systemClock.monotonic();
    if (leftMs <= 0) return { kind: "timeout" };
    await pauseOrAbort(systemClock, Math.min(leftMs, LOOK_AGAIN_MS));
  }
  // Its copy is stored before it is gone.
  const failed = await queue.failedOf(sequence, id, lastFailed + 1);
  return failed === null ? { kind: "done" } : failedEnd(recordIn(failed));
}

function recordIn({ state }: StreamTask): FailedRecord | null {
  return state.kind === "failed" ? state.record : null;
}

function failedEnd(record: FailedRecord | null): End {
  return {
    kind: "failed",
    reason: record?.reason ?? "without a record of why",
    failedAt: record?.failedAt ?? null,
  };
}
