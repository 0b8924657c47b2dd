/**
 * Removes claims of keys whose tasks have ended elsewhere (a uWSGI that knows of no keys, a crash), from
 * time to time: they are void anyway, and only take up room.
 */

import { type Clock, turnOfOthers } from "../platform/clock.ts";
import { rethrowImpossible } from "../platform/unexpected.ts";
import type { Store } from "../spool/store.ts";

const BETWEEN_MS = 600_000;

export class KeySweep {
  #nextAt = -Infinity;
  #isStopped = false;

  constructor(private readonly store: Store, private readonly clock: Clock) {}

  /** Called now and then; resolves when what is due is done. */
  async run(): Promise<void> {
    const now = this.clock.monotonic();
    if (now < this.#nextAt) return;
    this.#nextAt = now + BETWEEN_MS;
    try {
      for await (const _ of this.store.sweepKeys()) {
        await turnOfOthers();
        if (this.#isStopped) return;
      }
    } catch (error) {
      // The next round comes by again.
      rethrowImpossible(error);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}
