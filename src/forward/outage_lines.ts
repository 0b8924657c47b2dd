/**
 * What the log says of a target that is down: why, why when that changes, and that it is back. A target
 * that goes up and down, or a reason that goes back and forth, has a line ever more rarely.
 *
 * @pure
 */

const SHORTEST_QUIET_MS = 500;
const LONGEST_QUIET_MS = 600_000;
/** After so long without a line nothing goes back and forth any more. */
const CALM_MS = 2 * LONGEST_QUIET_MS;

export class OutageLines {
  /** What the last line says; null when the target is back, or nothing was said yet. */
  #said: string | null = null;
  /** On the monotonic clock. */
  #saidAt = -Infinity;
  #quietMs = SHORTEST_QUIET_MS;

  /** Whether a failure has its line. @param now on the monotonic clock */
  isWanted(reason: string, now: number): boolean {
    const sinceMs = now - this.#saidAt;
    if (reason === this.#said || sinceMs < this.#quietMs) return false;
    this.#quietMs = sinceMs > CALM_MS
      ? SHORTEST_QUIET_MS
      : Math.min(2 * this.#quietMs, LONGEST_QUIET_MS);
    this.#said = reason;
    this.#saidAt = now;
    return true;
  }

  /** Whether the end of an outage has its line. */
  isEndWanted(): boolean {
    const isDown = this.#said !== null;
    this.#said = null;
    return isDown;
  }
}
