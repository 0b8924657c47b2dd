/**
 * How many tasks a worker is handed at a time. One at first, for nobody knows how long they take;
 * then as many as it does in a moment, so that quick tasks cost the two sides few messages, and a
 * slow one holds up few others.
 *
 * @pure
 */

/** The work that a worker has before it, when its tasks take as long as the last ones. */
const AHEAD_MS = 60;
const MOST = 4096;
/** How much the last task counts for the average. */
const WEIGHT = 0.1;

export class BatchSize {
  #averageMs: number | null = null;

  /** A task took this long, all in all. */
  observe(tookMs: number): void {
    this.#averageMs = this.#averageMs === null
      ? tookMs
      : this.#averageMs + WEIGHT * (tookMs - this.#averageMs);
  }

  get size(): number {
    if (this.#averageMs === null) return 1;
    return Math.max(1, Math.min(MOST, Math.floor(AHEAD_MS / Math.max(this.#averageMs, 0.001))));
  }

  /**
   * How many a worker gets that has `unanswered` ones: it is not to run dry while more are on their
   * way, and not to be bothered for every one.
   */
  more(unanswered: number): number {
    const { size } = this;
    return unanswered > size / 2 ? 0 : size - unanswered;
  }

  /**
   * Whether a worker that has `unanswered` tasks is to be handed no more than `count`: as long as it has
   * enough to do a few are not worth a message, and there will be more of them, or another has less.
   */
  isWorth(count: number, unanswered: number): boolean {
    const { size } = this;
    return count >= size / 4 || unanswered <= size / 8;
  }
}
