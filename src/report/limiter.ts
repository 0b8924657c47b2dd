/** Keeps what somebody else can make happen at will from filling the log. @pure */

/** In each window the first are worth a line each; the others are counted. */
export class Limiter {
  #windowEndsAt = -Infinity;
  #count = 0;

  constructor(readonly most: number, readonly windowMs: number) {}

  /** Whether this one is worth a line; `now` is on the monotonic clock. To be asked behind {@link take}. */
  admit(now: number): boolean {
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + this.windowMs;
      this.#count = 0;
    }
    return ++this.#count <= this.most;
  }

  /** How many had no line in a window that is over, once; 0 while it goes on, or when none had. */
  take(now: number): number {
    if (now < this.#windowEndsAt) return 0;
    const withheld = Math.max(0, this.#count - this.most);
    this.#count = 0;
    return withheld;
  }
}
