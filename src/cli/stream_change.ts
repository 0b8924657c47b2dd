/** `spooler retry` and `spooler remove` in a stream of NATS. */

import type { StreamQueue } from "../cluster/stream_queue.ts";
import type { StreamTask } from "../cluster/stream_task.ts";
import { streamPausedSince } from "../cluster/stream_pause.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import type { Changed } from "../spool/task.ts";
import type { ListFilter } from "../spool/matching.ts";
import { complainAmong, describe } from "./change.ts";
import { CliOutput, note } from "./output.ts";
import { findInStream, positionOf } from "./stream_names.ts";
import { withStream } from "./stream_link.ts";

interface StreamChangeRequest {
  readonly where: { readonly dir?: string; readonly ini?: string };
  readonly words: readonly string[];
  readonly isJson: boolean;
}

interface StreamChange {
  readonly done: string;
  readonly unchanged: string;
  act(queue: StreamQueue, task: StreamTask): Promise<Changed>;
}

const RETRY: StreamChange = {
  done: "retried",
  unchanged: "is ready already",
  act: (queue, task) => queue.retry(task),
};
const REMOVE: StreamChange = {
  done: "removed",
  unchanged: "is removed already",
  act: (queue, task) => queue.remove(task),
};

/** @param all which of those that were given up; null is those that the words name */
export async function retryInStream(
  request: StreamChangeRequest,
  all: ListFilter | null,
): Promise<number> {
  request.words.forEach(positionOf);
  return await withStream(request.where, async (queue) => {
    const output = new CliOutput();
    let areWell = true;
    if (all === null) areWell = await changeNamed(queue, request, RETRY, output);
    else {
      for await (const task of queue.list({ ...all, states: ["failed"] })) {
        if (!await changeOne(queue, task, RETRY, { ...request, output })) areWell = false;
      }
    }
    await output.flush();
    const since = request.isJson ? null : await streamPausedSince(queue.link);
    if (since !== null) {
      const name = safeText(queue.address);
      note(`${name} is paused since ${timeText(since)}: nothing runs before spooler resume`);
    }
    return areWell ? 0 : 1;
  });
}

export async function removeFromStream(request: StreamChangeRequest): Promise<number> {
  request.words.forEach(positionOf);
  return await withStream(request.where, async (queue) => {
    const output = new CliOutput();
    const areWell = await changeNamed(queue, request, REMOVE, output);
    await output.flush();
    return areWell ? 0 : 1;
  });
}

async function changeNamed(
  queue: StreamQueue,
  { words, isJson }: StreamChangeRequest,
  change: StreamChange,
  output: CliOutput,
): Promise<boolean> {
  let areWell = true;
  for (const word of words) {
    const named = await findInStream(queue, word);
    if (named.kind === "one") {
      if (!await changeOne(queue, named.task, change, { isJson, output })) areWell = false;
      continue;
    }
    areWell = false;
    const result = named.kind === "none" ? "not found" : "ambiguous";
    if (isJson) await output.json({ name: word, result, reason: named.text });
    else await complainAmong(output, named.text);
  }
  return areWell;
}

async function changeOne(
  queue: StreamQueue,
  task: StreamTask,
  change: StreamChange,
  { isJson, output }: { readonly isJson: boolean; readonly output: CliOutput },
): Promise<boolean> {
  const { name, id, place } = task;
  const changed = await change.act(queue, task);
  const said = describe(changed, change);
  if (isJson) {
    const was = changed.kind === "changed" ? { was: changed.was } : {};
    const reason = said.ok ? {} : { reason: said.text };
    const about = { spool: queue.address, name, id, from: place };
    await output.json({ ...about, result: said.result, ...was, ...reason });
  } else if (said.ok) await output.line(`${name}: ${said.text}`);
  else await complainAmong(output, `${name}: ${safeText(said.text)}`);
  return said.ok;
}
