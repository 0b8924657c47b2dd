/**
 * How fast the output of a command is read: a flood waits in its own pipe, and slows down nobody
 * but the command that makes it.
 */

import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";

/** Read at once, however fast it comes. */
export const BURST_BYTES = 256 * 1024;
/** In the long run. */
export const BYTES_PER_SECOND = 1024 * 1024;

export class Pace {
  /** When all bytes so far would have come at the steady rate, on the monotonic clock. */
  #steadyAt: number;

  constructor(private readonly clock: Clock) {
    this.#steadyAt = clock.monotonic();
  }

  /** Resolves when more may be read; at once for who is not too fast. */
  async after(bytes: number): Promise<void> {
    const aheadMs = this.aheadMs(bytes);
    if (aheadMs > 0) await pauseOrAbort(this.clock, aheadMs);
  }

  /** How long nothing more may be read after these; 0 or less for who is not too fast. */
  aheadMs(bytes: number): number {
    const now = this.clock.monotonic();
    this.#steadyAt = Math.max(this.#steadyAt, now) + bytes / BYTES_PER_SECOND * 1000;
    return this.#steadyAt - now - BURST_BYTES / BYTES_PER_SECOND * 1000;
  }
}
