/** The time of a loop, shared between those who have much to do in one round. */

import { type Clock, nextTurn, turnOfOthers } from "./clock.ts";

export interface Round {
  /** Another one in each round. */
  readonly number: number;
  /** Whether this round has taken so long that others come first. */
  readonly isLong: boolean;
  /** Calls back in the next round. */
  next(resume: () => void): void;
}

/** So long may one have the loop to itself; later in a round everybody has one thing done. */
export const LONG_MS = 4;

/** Of the event loop, which does not say when a round begins: one begins when it is asked for. */
export class EventLoopRound implements Round {
  #number = 0;
  /** On the monotonic clock; null between two rounds. */
  #beganAt: number | null = null;
  #waiting: (() => void)[] = [];

  constructor(private readonly clock: Clock) {}

  get number(): number {
    this.#begin();
    return this.#number;
  }

  get isLong(): boolean {
    return this.clock.monotonic() - this.#begin() > LONG_MS;
  }

  next(resume: () => void): void {
    this.#begin();
    this.#waiting.push(resume);
  }

  #begin(): number {
    if (this.#beganAt === null) {
      this.#number++;
      this.#beganAt = this.clock.monotonic();
      void this.#end();
    }
    return this.#beganAt;
  }

  async #end(): Promise<void> {
    await nextTurn();
    if (this.#waiting.length > 0) await turnOfOthers();
    this.#beganAt = null;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
