/**
 * A limit on the lines a job may add to the log: a flood costs the job its lines, nobody the log.
 *
 * @pure
 */

import type { Clock } from "../platform/clock.ts";

/** Lines that come at once. */
export const BURST_LINES = 1000;
/** Lines a second in the long run. */
export const LINES_PER_SECOND = 100;

export class FloodGate {
  #allowed = BURST_LINES;
  #at: number;
  /** Lines that did not pass. */
  held = 0;

  constructor(private readonly clock: Clock) {
    this.#at = clock.monotonic();
  }

  /** Whether the next line may pass. */
  passes(): boolean {
    const now = this.clock.monotonic();
    this.#allowed = Math.min(
      BURST_LINES,
      this.#allowed + (now - this.#at) / 1000 * LINES_PER_SECOND,
    );
    this.#at = now;
    if (this.#allowed < 1) {
      this.held++;
      return false;
    }
    this.#allowed--;
    return true;
  }
}
