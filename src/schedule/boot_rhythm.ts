/**
 * The rhythm of @reboot: once for each start of the machine (of the container, in one), not for
 * each start of this program.
 *
 * @pure
 */

import { type Due, NOT_DUE, type Rhythm, type Time } from "./due.ts";

export interface BootOptions {
  /** Whether the job has not run yet since the machine started. */
  readonly pending: boolean;
  readonly offsetMs: number;
}

export class BootRhythm implements Rhythm {
  readonly durable = true;
  /** On the monotonic clock; null when it has run. */
  #at: number | null;

  constructor({ pending, offsetMs }: BootOptions, time: Time) {
    this.#at = pending ? time.monotonic + offsetMs : null;
  }

  take({ wall, monotonic }: Time): Due {
    if (this.#at === null || monotonic < this.#at) return NOT_DUE;
    this.#at = null;
    return { kind: "run", slot: wall, missed: 0 };
  }

  wait({ monotonic }: Time): number | null {
    return this.#at === null ? null : Math.max(0, this.#at - monotonic);
  }
}
