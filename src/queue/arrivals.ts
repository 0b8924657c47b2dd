/**
 * Tasks that another thread of this program accepts: it announces each, and the watcher reports it as well.
 * Whichever comes first, the table hears of the task once, when it is accepted. @pure
 */

import { refOf } from "../spool/layout.ts";

export class Arrivals {
  /** Announced, and not reported yet. */
  readonly #announced = new Set<string>();
  /** Reported, and not announced yet. */
  readonly #reported = new Set<string>();

  /** @param isAwaited whether a task of this name is still to be accepted */
  constructor(private readonly isAwaited: (name: string) => boolean) {}

  announce(id: string): void {
    if (!this.#reported.delete(id)) this.#announced.add(id);
  }

  /**
   * The watcher reports something about it; whether that is no news, or none yet.
   *
   * @param isArrival it was renamed into its place
   */
  take(id: string, isArrival: boolean): boolean {
    if (isArrival && this.#announced.delete(id)) return true;
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
