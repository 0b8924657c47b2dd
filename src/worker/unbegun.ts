/**
 * Whether a task that was handed to a worker is to blame for the worker's end.
 *
 * A worker notes what it begins. A task that it had not begun is not to blame; but one whose file cannot
 * even be read without the worker's death would run for ever, so the second time in a row counts.
 *
 * @pure
 */

import type { WorkerEnd } from "./worker_listener.ts";

export class Unbegun {
  /** Whose last worker ended before it had begun them. */
  readonly #once = new Set<string>();

  /** @param id the first task that the worker had not answered */
  isToBlame(id: string, { isAsked, began }: Pick<WorkerEnd, "isAsked" | "began">): boolean {
    if (isAsked) return false;
    const isAgain = this.#once.delete(id);
    if (began === id || isAgain) return true;
    this.#once.add(id);
    return false;
  }

  answered(id: string): void {
    if (this.#once.size > 0) this.#once.delete(id);
  }
}
