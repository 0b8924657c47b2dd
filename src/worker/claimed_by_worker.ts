/** A task that a worker has claimed, as far as the program knows it: the worker holds its lock. */

import { refOf } from "../spool/layout.ts";
import type { ClaimedTask, Store } from "../spool/store.ts";
import type { TaskWorker } from "./task_worker.ts";

export function claimedBy(
  worker: TaskWorker,
  id: string,
  dueAt: number,
  store: Store,
): ClaimedTask {
  const ref = refOf(id);
  return {
    ...ref,
    kind: "claimed",
    path: store.pathOf(ref),
    vars: [],
    bodySize: 0,
    readBody: () => 0,
    dueAt,
    attempts: store.attemptsOf(ref),
    crashed: false,
    release: () => worker.release(id),
  };
}
