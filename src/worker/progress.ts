/** How far tasks in workers say they are. */

import type { TaskProgress } from "../report/snapshot.ts";
import type { TaskWorker } from "./task_worker.ts";

const LONGEST_TEXT = 200;

interface SaidProgress {
  readonly task: string;
  readonly progress: TaskProgress;
}

/** What each worker has said last; it goes with the worker. */
const said = new WeakMap<TaskWorker, SaidProgress>();

/** @throws {Error} with the reason that the worker gets */
export function noteProgress(
  worker: TaskWorker,
  { task, done, total = null, text = "" }: Readonly<Record<string, unknown>>,
): void {
  if (typeof task !== "string" || typeof text !== "string") {
    throw new Error("progress needs a task and a text");
  }
  if (!isNumber(done) || total !== null && !isNumber(total)) {
    throw new Error("progress needs numbers");
  }
  said.set(worker, { task, progress: { done, total, text: text.slice(0, LONGEST_TEXT) } });
}

/** Of this task in the worker; undefined when it has said nothing. */
export function progressOf(worker: TaskWorker, task: string | null): TaskProgress | undefined {
  const last = said.get(worker);
  return last !== undefined && last.task === task ? last.progress : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
