/**
 * How many messages may be held at the same time: enough that no worker waits for the next one, and not
 * so many that they wait here while others have nothing to do.
 */

import type { Clock } from "../platform/clock.ts";

/** What was done within this time may be held besides what runs. */
const AHEAD_MS = 200;
const MOST_AHEAD = 1000;

export class Room {
  #since = -Infinity;
  #count = 0;
  #before = 0;

  constructor(private readonly clock: Clock) {}

  /** A task has been done. */
  finished(): void {
    this.#turn();
    this.#count++;
  }

  most(processes: number): number {
    this.#turn();
    return 2 * processes + Math.min(MOST_AHEAD, Math.max(this.#count, this.#before));
  }

  #turn(): void {
    const now = this.clock.monotonic();
    const passedMs = now - this.#since;
    if (passedMs < AHEAD_MS) return;
    this.#before = passedMs < 2 * AHEAD_MS ? this.#count : 0;
    this.#count = 0;
    this.#since = now;
  }
}
