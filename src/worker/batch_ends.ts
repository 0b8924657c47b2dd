/** What becomes of the batches of a worker that has ended: at most one of its tasks is to blame for that. */

import { reasonOf } from "../platform/reason.ts";
import { rethrowImpossible } from "../platform/unexpected.ts";
import { funcOf } from "../task/request.ts";
import { GONE } from "../queue/task_event.ts";
import type { Handed, TaskState } from "../queue/task_state.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import type { BatchesOptions } from "./batches.ts";
import type { Kills } from "./kills.ts";
import type { TaskWorker } from "./task_worker.ts";
import type { WorkerEnd } from "./worker_listener.ts";

export interface BatchEndsOptions extends
  Pick<
    BatchesOptions,
    "tasks" | "store" | "pool" | "ends" | "emit" | "name"
  > {
  readonly kills: Kills;
  /** It was done, and the answer did not arrive. */
  done(id: string, handed: Handed, tookMs: number): void;
  /** The worker has it no longer; its file may have changed. */
  letGo(worker: TaskWorker, id: string, handed: Handed): void;
}

export function isOf(worker: TaskWorker, state: TaskState | undefined): state is Handed {
  return state?.kind === "handed" && state.workers.includes(worker);
}

export class BatchEnds {
  constructor(private readonly options: BatchEndsOptions) {}

  /**
   * The first task that is still there is the one its worker died of, if it had begun it. A worker that an
   * operator has ended died of no task.
   */
  ended(worker: TaskWorker, end: WorkerEnd): void {
    const { tasks, store, pool, kills, letGo, done } = this.options;
    const { isAsked, reason, busyMs, began } = end;
    const killed = kills.killedIn(worker);
    let isFound = isAsked;
    for (const id of [...tasks.unanswered(worker)]) {
      tasks.answered(worker, id);
      const handed = tasks.get(id);
      if (!isOf(worker, handed)) continue;
      if (id === killed) {
        isFound = true;
        this.#killed(worker, id, handed, busyMs);
      } else if (isFound || handed.workers.length > 1 && began !== id) {
        letGo(worker, id, handed);
      } else if (store.see(handed) === null) {
        done(id, handed, busyMs);
      } else {
        isFound = true;
        const isToBlame = killed === undefined && pool.isToBlame(id, end);
        if (!isToBlame) letGo(worker, id, handed);
        else this.#settle(worker, id, handed, { kind: "failed", reason, stderr: "" }, busyMs);
      }
    }
    // It was answered or given to another worker meanwhile.
    if (killed !== undefined) kills.ended(worker, killed, "ready");
  }

  #killed(worker: TaskWorker, id: string, handed: Handed, tookMs: number): void {
    const { store, kills, done } = this.options;
    const outcome = kills.orderFor(worker, id)?.outcome;
    if (outcome === undefined || store.see(handed) === null) {
      done(id, handed, tookMs);
      return kills.ended(worker, id, "done");
    }
    kills.ended(worker, id, this.#settle(worker, id, handed, outcome, tookMs));
  }

  /** @returns null when what came of it cannot be written */
  #settle(
    worker: TaskWorker,
    id: string,
    handed: Handed,
    outcome: Outcome,
    tookMs: number,
  ): Fate["kind"] | null {
    const { store, ends, tasks, emit, name, letGo } = this.options;
    try {
      const claimed = store.claim(handed);
      if (claimed.kind === "claimed") {
        return ends.conclude(claimed, outcome, funcOf(claimed), tookMs)?.kind ?? null;
      }
      letGo(worker, id, handed);
      return "ready";
    } catch (error) {
      rethrowImpossible(error);
      if (tasks.get(id)?.kind === "handed") tasks.apply(id, GONE);
      emit({ type: "spool.warning", spool: name, message: `${id}: ${reasonOf(error)}` });
      return null;
    }
  }
}
