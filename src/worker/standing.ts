/** What a worker does now, for a status. */

import type { WorkerSnapshot } from "../report/snapshot.ts";
import { progressOf } from "./progress.ts";
import type { TaskWorker } from "./task_worker.ts";

type WorkerStanding = Omit<WorkerSnapshot, "spool" | "language" | "modules">;

export function standingOf(worker: TaskWorker): WorkerStanding {
  const { number, pid, running: task = null, busyMs, totals } = worker;
  const progress = progressOf(worker, task);
  const known = progress === undefined ? {} : { progress };
  return { number, pid, task, ...known, busyMs, state: stateOf(worker), totals: { ...totals } };
}

function stateOf({ isLoading, isReady, isBusy }: TaskWorker): WorkerSnapshot["state"] {
  if (isLoading) return "loading";
  if (!isReady) return "stopping";
  return isBusy ? "busy" : "idle";
}
