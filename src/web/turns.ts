/** Lets other work go on now and then, in what takes long. */

import { type Clock, turnOfOthers } from "../platform/clock.ts";

/** A request of others takes several turns. */
const TURN_MS = 5;

export class Turns {
  #since: number;

  constructor(private readonly clock: Pick<Clock, "monotonic">) {
    this.#since = clock.monotonic();
  }

  async give(): Promise<void> {
    if (this.clock.monotonic() - this.#since < TURN_MS) return;
    await turnOfOthers();
    this.#since = this.clock.monotonic();
  }
}
