/**
 * Tasks that another thread of this program has accepted and announced. The watcher reports each as well:
 * whichever comes first, the table gets the task once. @pure
 */

import { refOf } from "../spool/layout.ts";

export class AnnouncedTasks {
  /** Announced, and not reported yet. */
  readonly #announced = new Set<string>();
  /** Reported, and not announced yet. */
  readonly #reported = new Set<string>();

  /** @param isAwaited whether a task of this name is still to be announced */
  constructor(private readonly isAwaited: (name: string) => boolean) {}

  announce(id: string): void {
    if (!this.#reported.delete(id)) this.#announced.add(id);
  }

  /**
   * The watcher reports something about a file; true when its announcement covers that.
   *
   * @param isNew its name is new in its place
   */
  covers(id: string, isNew: boolean): boolean {
    if (isNew && this.#announced.delete(id)) return true;
    if (!this.isAwaited(refOf(id).name)) return false;
    this.#reported.add(id);
    return true;
  }

  /** Reports may have been lost, or nobody makes any: what is waited for would be remembered for ever. */
  clear(): void {
    this.#announced.clear();
    this.#reported.clear();
  }
}
