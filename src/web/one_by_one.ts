/**
 * What takes long is done for one visitor after the other, and not for any number of them. While one more
 * waits it has half of the thread's time, and less while many do.
 */

import { type Clock, systemClock } from "../platform/clock.ts";
import { AskError } from "./ask.ts";

const MOST_WAITING = 32;
/** For each that waits, a rest is as long again as the last one took. */
const MOST_RESTS = 4;
const MOST_REST_MS = 1000;

export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();
  /** The one whose turn it is among them. */
  #waiting = 0;

  constructor(private readonly clock: Clock = systemClock) {}

  /** @throws {AskError} when too many wait already */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING) {
      throw new AskError(503, "too many lists are being made: try again in a moment");
    }
    this.#waiting++;
    let beganAt = 0;
    const mine = this.#last.then(() => {
      beganAt = this.clock.monotonic();
      return work();
    }).finally(() => this.#waiting--);
    this.#last = mine.catch(() => {}).then(() => this.#rest(this.clock.monotonic() - beganAt));
    return await mine;
  }

  async #rest(tookMs: number): Promise<void> {
    if (this.#waiting === 0) return;
    const restMs = Math.min(this.#waiting, MOST_RESTS) * tookMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.clock.after(Math.min(restMs, MOST_REST_MS), resolve);
    await promise;
  }
}

/** Lists of directories: of a million tasks one takes its time. */
export const listings = new OneByOne();
