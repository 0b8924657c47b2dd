/**
 * How much of an output reaches the log: whoever prints too much loses lines of its own, and nobody
 * else does.
 *
 * @pure
 */

export interface OutputRate {
  readonly linesPerSecond: number;
  readonly bytesPerSecond: number;
  /** What may come at once, in seconds of the rate. */
  readonly burstSeconds: number;
}

/** Of one run of a task or a job. */
export const RATE_OF_ONE: OutputRate = {
  linesPerSecond: 200,
  bytesPerSecond: 64 * 1024,
  burstSeconds: 10,
};

/** Of all of them together. */
export const RATE_OF_ALL: OutputRate = {
  linesPerSecond: 5_000,
  bytesPerSecond: 1024 * 1024,
  burstSeconds: 10,
};

/** What a line costs besides its bytes: its time and its name. */
const BYTES_OF_A_LINE = 40;

export class OutputBudget {
  readonly #rate: OutputRate;
  #lines: number;
  #bytes: number;
  #at: number;
  /** Once it is used up nothing passes before there is enough for a second: one notice, not many. */
  #isUsedUp = false;

  /** @param now milliseconds, monotonic */
  constructor(rate: OutputRate, now: number) {
    this.#rate = rate;
    this.#lines = rate.linesPerSecond * rate.burstSeconds;
    this.#bytes = rate.bytesPerSecond * rate.burstSeconds;
    this.#at = now;
  }

  /** Adds what the time since the last call is worth. */
  refill(now: number): void {
    const { linesPerSecond, bytesPerSecond, burstSeconds } = this.#rate;
    const seconds = (now - this.#at) / 1000;
    this.#at = now;
    this.#lines = Math.min(linesPerSecond * burstSeconds, this.#lines + seconds * linesPerSecond);
    this.#bytes = Math.min(bytesPerSecond * burstSeconds, this.#bytes + seconds * bytesPerSecond);
    if (this.#lines >= linesPerSecond && this.#bytes >= bytesPerSecond) this.#isUsedUp = false;
  }

  /** Whether a line of this length may be logged. */
  take(bytes: number): boolean {
    if (this.#isUsedUp || this.#lines < 1 || this.#bytes <= 0) {
      this.#isUsedUp = true;
      return false;
    }
    this.#lines--;
    this.#bytes -= bytes + BYTES_OF_A_LINE;
    return true;
  }
}
