/**
 * How long a target may take to answer. A task whose answer did not come is sent again while the target
 * may still be storing it, so each time in a row that happens the target gets twice as long.
 *
 * @pure
 */

const MOST_DOUBLINGS = 4;

export class Patience {
  #doublings = 0;

  /** @param timeoutMs what the ini says */
  constructor(private readonly timeoutMs: number) {}

  get ms(): number {
    return this.timeoutMs * 2 ** this.#doublings;
  }

  /** No answer came in time. */
  ranOut(): void {
    this.#doublings = Math.min(this.#doublings + 1, MOST_DOUBLINGS);
  }

  /** A target that is as quick as the ini needs has to stay so. */
  answeredAfter(ms: number): void {
    if (ms <= this.timeoutMs) this.#doublings = 0;
  }
}
