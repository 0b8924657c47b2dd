/**
 * The rhythm of a cron rule: each slot once, whatever the wall clock does.
 *
 * - A slot lasts its minute: who starts within it still runs the job, unless it has run already.
 * - Slots that went by are not run one after the other. With catchup the latest is, once, if it is
 *   not older than that; without, it is only said that they were missed.
 * - A clock set back shows slots again. A slot that is not behind the last one is due only when as
 *   much time has really passed as lies between it and the slot before it: an hourly job goes on
 *   hourly, a daily job does not run twice a day.
 * - A last slot far in the future was written under a wrong clock, and is forgotten.
 *
 * @pure
 */

import { type Due, NOT_DUE, type Rhythm, type Time } from "./due.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/zone.ts";

/** How long a slot stays due. */
export const SLOT_LASTS_MS = MINUTE_MS;
/** As Vixie cron: a clock that is wrong by more was not set back but corrected. */
const CORRECTION_MS = 3 * HOUR_MS;
/**
 * A longer wait is cut here. The timers of the system stand still while it is suspended, and know
 * nothing of a wall clock that is set; so a job is late by this much at most after either.
 */
export const LONGEST_WAIT_MS = MINUTE_MS;
/** Further back than any two slots are apart. */
const LONG_AGO_MS = 41 * 366 * DAY_MS;

/** When a job is due: instants that are known long before. */
export interface Slots {
  /** The first behind this instant; null when it never comes. */
  next(after: number): number | null;
  /** The last up to and with `at` that is behind `since`. */
  last(since: number, at: number): number | null;
  /** How many lie behind `since`, up to and with `at`. */
  count(since: number, at: number): number;
}

export interface CalendarOptions {
  readonly calendar: Slots;
  /** Whether the last slot is to be remembered over a restart; absent is yes. */
  readonly durable?: boolean;
  /** How old a missed slot may be to be made up; 0 makes up none. */
  readonly catchupMs: number;
  /** How much behind its slot this host starts the job. */
  readonly offsetMs: number;
  /** The last slot there is a record of. */
  readonly last: number | null;
}

export class CalendarRhythm implements Rhythm {
  readonly durable: boolean;
  readonly #options: CalendarOptions;
  #last: number | null;
  /** When the job was last due in this process, on the monotonic clock. */
  #ranAt: number | null = null;
  /** Within this part of the wall clock nothing is due. */
  #quiet = { from: Infinity, until: -Infinity };

  constructor(options: CalendarOptions, time: Time) {
    this.#options = options;
    const { last, durable = true } = options;
    this.durable = durable;
    this.#last = last !== null && last - time.wall > CORRECTION_MS ? null : last;
  }

  take(time: Time): Due {
    const now = time.wall - this.#options.offsetMs;
    if (now >= this.#quiet.from && now < this.#quiet.until) return NOT_DUE;
    const due = this.#due(now, time.monotonic);
    if (due.kind !== "no") this.#last = due.slot;
    if (due.kind === "run") this.#ranAt = time.monotonic;
    this.#quiet = { from: now, until: this.#options.calendar.next(now) ?? Infinity };
    return due;
  }

  wait(time: Time): number | null {
    const until = this.#quiet.until + this.#options.offsetMs;
    return until === Infinity ? null : Math.min(until - time.wall, LONGEST_WAIT_MS);
  }

  /** @param now the wall clock, with this host's jitter taken off */
  #due(now: number, monotonic: number): Due {
    const { calendar, catchupMs } = this.#options;
    const last = this.#last;
    const slot = calendar.last(Math.min(last ?? Infinity, now - SLOT_LASTS_MS), now);
    if (slot === null) return NOT_DUE;
    const fresh = now - slot < SLOT_LASTS_MS;
    if (last === null) return fresh ? { kind: "run", slot, missed: 0 } : NOT_DUE;
    if (slot <= last) {
      return fresh && this.#isNewAgain(slot, monotonic)
        ? { kind: "run", slot, missed: 0 }
        : NOT_DUE;
    }
    const since = calendar.count(last, now);
    if (fresh || now - slot <= catchupMs) return { kind: "run", slot, missed: since - 1 };
    return { kind: "missed", slot, missed: since };
  }

  /** For a slot that the clock shows again after it was set back. */
  #isNewAgain(slot: number, monotonic: number): boolean {
    if (this.#ranAt === null) return false;
    const before = this.#options.calendar.last(slot - LONG_AGO_MS, slot - 1) ?? -Infinity;
    return monotonic - this.#ranAt >= slot - before;
  }
}
