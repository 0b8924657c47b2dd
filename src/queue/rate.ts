/** `spooler-rate`: holds starts back so that no span of time has more of them than it may. @pure */

/** No more than `count` starts in any span of `perMs`. */
export interface StartRate {
  readonly count: number;
  readonly perMs: number;
}

export class RateLimiter {
  /** The times of the last `count` starts, as a ring. */
  readonly #starts: number[] = [];
  #oldest = 0;

  constructor(private readonly rate: StartRate) {}

  /** Milliseconds to wait until a start is allowed; 0 is now. Both times are monotonic. */
  waitMs(now: number): number {
    if (this.#starts.length < this.rate.count) return 0;
    const oldest = this.#starts[this.#oldest] ?? -Infinity;
    return Math.max(0, oldest + this.rate.perMs - now);
  }

  started(now: number): void {
    if (this.#starts.length < this.rate.count) {
      this.#starts.push(now);
      return;
    }
    this.#starts[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.rate.count;
  }
}
