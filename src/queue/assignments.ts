/** Who was handed which tasks: an index of the table of tasks. @pure */

import type { RunningBatch } from "../spool/running.ts";
import type { Handed, TaskHolder } from "./task_state.ts";

const NONE: ReadonlySet<string> = new Set();

export class Assignments {
  /** Ids that each worker has been handed and not answered, in order. */
  readonly #unanswered = new Map<TaskHolder, Set<string>>();
  /** Whose list was asked for last, and the list: batches are long. */
  #lastWorker: TaskHolder | null = null;
  #lastList = new Set<string>();
  #endedNotes: RunningBatch[] = [];

  unanswered(worker: TaskHolder): ReadonlySet<string> {
    return this.#unanswered.get(worker) ?? NONE;
  }

  get busyWorkers(): number {
    return this.#unanswered.size;
  }

  answered(worker: TaskHolder, id: string): void {
    const ids = this.#unanswered.get(worker);
    if (!ids?.delete(id) || ids.size > 0) return;
    this.#unanswered.delete(worker);
    this.#lastWorker = null;
  }

  takeEndedNotes(): readonly RunningBatch[] {
    const notes = this.#endedNotes;
    if (notes.length > 0) this.#endedNotes = [];
    return notes;
  }

  /** To be called before {@link remove} where a task only changes: else its batch may seem to end. */
  add(id: string, { batch, workers }: Handed): void {
    batch.left++;
    for (const worker of workers) this.#listOf(worker).add(id);
  }

  /** The task is no longer handed out. Workers that have not answered still have its name. */
  remove({ batch }: Handed): void {
    if (--batch.left === 0 && batch.note) this.#endedNotes.push(batch.note);
  }

  #listOf(worker: TaskHolder): Set<string> {
    if (worker === this.#lastWorker) return this.#lastList;
    let ids = this.#unanswered.get(worker);
    if (!ids) this.#unanswered.set(worker, ids = new Set());
    this.#lastWorker = worker;
    return this.#lastList = ids;
  }
}
