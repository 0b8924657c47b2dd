/**
 * The slots of a timer that several machines share: the multiples of its interval since 1970, in UTC, as
 * each machine that has the time knows them.
 *
 * @pure
 */

import type { Slots } from "./calendar_rhythm.ts";

export class Grid implements Slots {
  constructor(private readonly everyMs: number) {}

  next(after: number): number {
    return this.#at(this.#numberOf(after) + 1);
  }

  last(since: number, at: number): number | null {
    const slot = this.#at(this.#numberOf(at));
    return slot > since ? slot : null;
  }

  count(since: number, at: number): number {
    return Math.max(0, this.#numberOf(at) - this.#numberOf(since));
  }

  #at(number: number): number {
    return number * this.everyMs;
  }

  /** Of the last slot that is not behind it. */
  #numberOf(at: number): number {
    return Math.floor(at / this.everyMs);
  }
}
