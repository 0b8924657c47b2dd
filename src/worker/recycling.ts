/** When a worker makes room: after so many tasks, or when it has had nothing to do for a while. */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { Debug } from "../report/debug.ts";
import type { TaskWorker } from "./task_worker.ts";
import { counted } from "../platform/count_text.ts";

export interface RecyclingOptions {
  /** Tasks after which a worker makes room for a fresh one; null is never. */
  readonly maxTasks: number | null;
  /** Start workers when there is work, and let them go after this time without any; null is never. */
  readonly idleMs: number | null;
  readonly clock: Clock;
  readonly debug?: Debug;
}

export class Recycling {
  readonly #options: RecyclingOptions;
  /** Workers that may be idle for too long. */
  readonly #watched = new Map<TaskWorker, Cancel>();

  constructor(options: RecyclingOptions) {
    this.#options = options;
  }

  /** How many more tasks a worker may be handed before it is recycled. */
  left(worker: TaskWorker): number {
    const { maxTasks } = this.#options;
    return maxTasks === null
      ? Infinity
      : Math.max(0, maxTasks - worker.answered - worker.unanswered.size);
  }

  isSpent(worker: TaskWorker): boolean {
    const { maxTasks } = this.#options;
    return maxTasks !== null && worker.answered >= maxTasks;
  }

  /** Ends a worker that has run its tasks. */
  stopSpent(worker: TaskWorker): void {
    if (!worker.isReady || worker.isBusy || !this.isSpent(worker)) return;
    this.#options.debug?.(`${worker.label} replaced after ${counted(worker.answered, "task")}`);
    worker.stop();
  }

  /** Ends a worker that gets nothing to do from now on for as long as is allowed. */
  watchIdle(worker: TaskWorker): void {
    const { clock, idleMs } = this.#options;
    if (idleMs === null || worker.isBusy || this.#watched.has(worker)) return;
    // One timer at a time: where it has answered something since, it only checks again later.
    const leftMs = idleMs - (clock.monotonic() - worker.idleSince);
    const cancel = clock.after(leftMs, () => {
      this.#watched.delete(worker);
      if (worker.isReady && !worker.isBusy) this.#stopIdle(worker, idleMs);
    });
    this.#watched.set(worker, cancel);
  }

  #stopIdle(worker: TaskWorker, idleMs: number): void {
    const { clock, debug } = this.#options;
    if (clock.monotonic() - worker.idleSince < idleMs) return this.watchIdle(worker);
    debug?.(`${worker.label} stopped after ${idleMs} ms without a task`);
    worker.stop();
  }

  /** It has ended. */
  forget(worker: TaskWorker): void {
    this.#watched.get(worker)?.();
    this.#watched.delete(worker);
  }
}
