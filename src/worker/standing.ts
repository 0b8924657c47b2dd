/** What a worker does now, for a status. */

import type { WorkerSnapshot } from "../report/snapshot.ts";
import type { TaskWorker } from "./task_worker.ts";

type WorkerStanding = Omit<WorkerSnapshot, "spool" | "language" | "modules">;

export function standingOf(worker: TaskWorker): WorkerStanding {
  const { number, pid, running: task = null, busyMs, totals } = worker;
  return { number, pid, task, busyMs, state: stateOf(worker), totals: { ...totals } };
}

function stateOf({ isLoading, isReady, isBusy }: TaskWorker): WorkerSnapshot["state"] {
  if (isLoading) return "loading";
  if (!isReady) return "stopping";
  return isBusy ? "busy" : "idle";
}
