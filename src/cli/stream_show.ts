/** `spooler show` of a task in a stream of NATS: everything about it, or its body as it is. */

import type { StreamQueue } from "../cluster/stream_queue.ts";
import type { StreamTask } from "../cluster/stream_task.ts";
import { systemClock } from "../platform/clock.ts";
import { safeText } from "../report/safe_text.ts";
import { taskJson, withoutSecretValues } from "../report/task_details.ts";
import { CliOutput } from "./output.ts";
import { detailLines, field, type HowToShow } from "./show.ts";
import { streamFields } from "./stream_list.ts";
import { withStream } from "./stream_link.ts";
import { findInStream } from "./stream_names.ts";

export async function showInStream(
  where: { readonly dir?: string; readonly ini?: string },
  word: string,
  how: HowToShow & { readonly bodyOnly: boolean },
): Promise<number> {
  return await withStream(where, async (queue) => {
    const named = await findInStream(queue, word);
    if (named.kind !== "one") throw new Error(named.text);
    const output = new CliOutput({ reveals: how.reveals });
    const { task } = named;
    if (how.bodyOnly) await showBody(queue, task, output);
    else await showTask(queue, await withBodySize(queue, task), how, output);
    await output.flush();
    return 0;
  });
}

async function showTask(
  queue: StreamQueue,
  task: StreamTask,
  { asJson, reveals }: HowToShow,
  output: CliOutput,
): Promise<void> {
  const shown = reveals ? task : { ...task, ...withoutSecretValues(task) };
  const now = systemClock.now();
  if (asJson) {
    const { content } = shown;
    const bodySize = content.kind === "task" ? content.bodySize : null;
    const { subject } = shown;
    const own = { ...streamFields(shown), subject, bodySize };
    return await output.json({ ...taskJson(shown, queue.address, now, null), ...own });
  }
  await output.line(field("task", safeText(task.name)));
  await output.line(field("stream", safeText(queue.address)));
  await output.line(field("subject", safeText(task.subject)));
  await output.line(field("id", safeText(task.id)));
  for (const line of detailLines(shown, now)) await output.line(line);
  const workers = await holders(queue, task);
  if (workers !== "") await output.line(field("worker", safeText(workers)));
}

/** Programs that have it. */
async function holders(
  queue: StreamQueue,
  { place, sequence }: StreamTask,
): Promise<string> {
  const workers = place === "failed" ? [] : await queue.workers();
  const having = workers.filter(({ held }) => held.includes(sequence));
  return having.map(({ host, pid }) => `${host}, pid ${pid}`).join("; ");
}

/** A body in the object store has its size there. */
async function withBodySize(queue: StreamQueue, task: StreamTask): Promise<StreamTask> {
  const { content, storedBody } = task;
  if (storedBody === null || content.kind !== "task") return task;
  const info = await (await queue.link.bodies()).info(storedBody);
  if (info === null || info.deleted) {
    const reason = "its body is not in the object store";
    return { ...task, content: { kind: "unreadable", reason } };
  }
  return { ...task, content: { ...content, bodySize: info.size } };
}

async function showBody(
  queue: StreamQueue,
  { content, storedBody, message }: StreamTask,
  output: CliOutput,
): Promise<void> {
  if (content.kind !== "task") throw new Error(`read the body: ${content.reason}`);
  if (storedBody === null) {
    return await output.bytes(message.data.subarray(message.data.length - content.bodySize));
  }
  const stored = await (await queue.link.bodies()).get(storedBody);
  if (stored === null) throw new Error("its body is not in the object store");
  for await (const piece of stored.data) {
    if (output.closed) return;
    await output.bytes(piece);
  }
}
