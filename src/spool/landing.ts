/**
 * Tasks whose files have their names and that are not accepted yet: their directory is being synced.
 * They are not shown to whoever would start them. Should the sync fail, the peer is refused,
 * and then its task must not have run; and in the log a task is accepted before it is done.
 *
 * @pure
 */

import { taskId, type TaskRef } from "./layout.ts";

export class Landing {
  /** By id: whether somebody would have seen it. */
  readonly #hidden = new Map<string, boolean>();
  readonly #listeners = new Set<(ref: TaskRef) => void>();

  begin(ref: TaskRef): void {
    this.#hidden.set(taskId(ref), false);
  }

  /** It is accepted, or it is gone again: whoever would have seen it sees it now. */
  end(ref: TaskRef): void {
    const id = taskId(ref);
    const wasSeen = this.#hidden.get(id) === true;
    this.#hidden.delete(id);
    if (wasSeen) { for (const listener of this.#listeners) listener(ref); }
  }

  /** Somebody has found the file; whether it is not to be seen yet. */
  hides(id: string): boolean {
    if (!this.#hidden.has(id)) return false;
    this.#hidden.set(id, true);
    return true;
  }

  /** @returns what ends this */
  listen(listener: (ref: TaskRef) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
