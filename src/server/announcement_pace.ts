/**
 * When the tasks that were accepted are announced to the main thread: each announcement costs it a turn. The
 * first is made at once; when many come, they are announced together.
 *
 * @pure
 */

const APART_MS = 1;
const BUSY_APART_MS = 5;
/** So many a millisecond are many. */
const MANY_A_MS = 1.5;

export class AnnouncementPace {
  /** On the monotonic clock. */
  #lastAt = -Infinity;
  #comeMany = false;

  /** How long the next announcement has to wait; 0 or less is not at all. */
  leftMs(now: number): number {
    return this.#lastAt + (this.#comeMany ? BUSY_APART_MS : APART_MS) - now;
  }

  /** @param count of the tasks that came since the last one */
  announced(now: number, count: number): void {
    this.#comeMany = count > 1 && count >= MANY_A_MS * (now - this.#lastAt);
    this.#lastAt = now;
  }
}
