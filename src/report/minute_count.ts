/** How often something happened in the last minute. @pure */

const SECONDS = 60;

export class MinuteCount {
  /** By the second, modulo a minute. */
  readonly #counts = new Uint32Array(SECONDS);
  #second = 0;

  /** @param now milliseconds on a monotonic clock */
  add(now: number, count = 1): void {
    const second = this.#advance(now);
    this.#counts[second % SECONDS] = (this.#counts[second % SECONDS] ?? 0) + count;
  }

  total(now: number): number {
    this.#advance(now);
    return this.#counts.reduce((sum, each) => sum + each, 0);
  }

  /** Forgets what is over a minute old. */
  #advance(now: number): number {
    const second = Math.floor(now / 1000);
    if (second - this.#second >= SECONDS) this.#counts.fill(0);
    else for (let at = this.#second + 1; at <= second; at++) this.#counts[at % SECONDS] = 0;
    this.#second = second;
    return second;
  }
}
