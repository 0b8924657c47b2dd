/** What takes long is done for one visitor after the other, and not for any number of them. */

import { AskError } from "./ask.ts";

const MOST_WAITING = 32;

export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws {AskError} when too many wait already */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING) {
      throw new AskError(503, "too many lists are being made: try again in a moment");
    }
    this.#waiting++;
    const mine = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = mine.catch(() => {});
    return await mine;
  }
}

/** Lists of directories: of a million tasks one takes its time. */
export const listings = new OneByOne();
