/** Who was handed which tasks: an index of the table of tasks. @pure */

import type { RunningBatch } from "../spool/running.ts";
import type { Batch, Handed, Holder } from "./task_state.ts";

const NONE: ReadonlySet<string> = new Set();

export class Assignments {
  /** Ids that each worker has been handed and not answered, in order. */
  readonly #unanswered = new Map<Holder, Set<string>>();
  /** How many tasks of a batch are still handed out. */
  readonly #batches = new Map<Batch, number>();
  #endedNotes: RunningBatch[] = [];

  unanswered(worker: Holder): ReadonlySet<string> {
    return this.#unanswered.get(worker) ?? NONE;
  }

  get busyWorkers(): number {
    return this.#unanswered.size;
  }

  answered(worker: Holder, id: string): void {
    const ids = this.#unanswered.get(worker);
    if (ids?.delete(id) && ids.size === 0) this.#unanswered.delete(worker);
  }

  takeEndedNotes(): readonly RunningBatch[] {
    const notes = this.#endedNotes;
    if (notes.length > 0) this.#endedNotes = [];
    return notes;
  }

  /** To be called before {@link remove} where a task only changes: else its batch may seem to end. */
  add(id: string, { batch, workers }: Handed): void {
    this.#batches.set(batch, (this.#batches.get(batch) ?? 0) + 1);
    for (const worker of workers) this.#listOf(worker).add(id);
  }

  /** The task is no longer handed out. Workers that have not answered still have its name. */
  remove({ batch }: Handed): void {
    const left = (this.#batches.get(batch) ?? 0) - 1;
    if (left > 0) {
      this.#batches.set(batch, left);
      return;
    }
    this.#batches.delete(batch);
    if (batch.note) this.#endedNotes.push(batch.note);
  }

  #listOf(worker: Holder): Set<string> {
    let ids = this.#unanswered.get(worker);
    if (!ids) this.#unanswered.set(worker, ids = new Set());
    return ids;
  }
}
