/**
 * Remembers the signatures that were seen, for as long as they are not stale, so that none counts
 * twice. Bounded: when too many come, the oldest are forgotten, and from then on everything as old
 * as they are is stale. The time is an argument.
 *
 * @pure
 */

/** Signatures of the same span of sending times are forgotten together. */
const SPAN_MS = 30_000;

export class Replays {
  /** By span; a signature as the number that its first 13 hex digits make. */
  readonly #spans = new Map<number, Set<number>>();
  #count = 0;
  /** What was sent before is stale. */
  #staleBefore = -Infinity;

  /**
   * @param windowMs how far the time of a signature may be from ours
   * @param most signatures to remember
   */
  constructor(private readonly windowMs: number, private readonly most: number) {}

  /**
   * Whether this signature may count, once. A second time it may not.
   *
   * @param signature lower-case hex, already known to be valid
   * @param sentAt its own time, `now` ours; milliseconds since the epoch
   */
  admit(signature: string, sentAt: number, now: number): boolean {
    this.#forget(now);
    if (sentAt < this.#staleBefore) return false;
    const span = Math.floor(sentAt / SPAN_MS);
    const seen = this.#spans.get(span) ?? new Set();
    const digits = parseInt(signature.slice(0, 13), 16);
    if (seen.has(digits)) return false;
    this.#spans.set(span, seen.add(digits));
    this.#count++;
    return true;
  }

  #forget(now: number): void {
    for (const span of this.#spans.keys()) {
      if ((span + 1) * SPAN_MS + this.windowMs < now) this.#drop(span);
    }
    while (this.#count >= this.most) {
      const oldest = Math.min(...this.#spans.keys());
      this.#drop(oldest);
      this.#staleBefore = (oldest + 1) * SPAN_MS;
    }
  }

  #drop(span: number): void {
    this.#count -= this.#spans.get(span)?.size ?? 0;
    this.#spans.delete(span);
  }
}
