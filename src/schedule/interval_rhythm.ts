/**
 * The rhythm of a timer: every so many milliseconds, on a grid that does not drift.
 *
 * It runs on the monotonic clock, so that setting the wall clock neither stops nor hurries it. A
 * timer of a minute or more keeps its grid over a restart: `every=1d` in a program that restarts
 * twice a day still runs daily. One with iterations counts from each start, and so does its grid.
 * Points that went by are not made up one after the other; late is
 * one run, and then the grid goes on.
 *
 * @pure
 */

import { type Due, NOT_DUE, type Rhythm, type Time } from "./due.ts";
import { MINUTE_MS } from "../platform/zone.ts";

/** Below this a restart simply begins a new grid. */
export const REMEMBERED_FROM_MS = MINUTE_MS;

export interface IntervalOptions {
  readonly everyMs: number;
  readonly atStart: boolean;
  /** Runs until it is over; null never is. */
  readonly iterations: number | null;
  readonly catchupMs: number;
  /** How much later than on other hosts the grid begins. */
  readonly offsetMs: number;
  /** The last slot there is a record of. */
  readonly last: number | null;
}

export class IntervalRhythm implements Rhythm {
  readonly durable: boolean;
  readonly #everyMs: number;
  /** On the monotonic clock. */
  #next: number;
  #left: number;
  /** Missed before this start and made up by the first run. */
  #missed = 0;

  constructor(options: IntervalOptions, time: Time) {
    this.#everyMs = options.everyMs;
    this.durable = options.everyMs >= REMEMBERED_FROM_MS && options.iterations === null;
    this.#left = options.iterations ?? Infinity;
    this.#next = time.monotonic + this.#firstWait(options, time.wall);
  }

  #firstWait({ everyMs, atStart, catchupMs, offsetMs, last }: IntervalOptions, now: number) {
    if (atStart) return offsetMs;
    if (last === null || !this.durable) return everyMs + offsetMs;
    const passed = now - last;
    // A last run in the future: the wall clock was set back, and the grid begins anew.
    if (passed < 0) return everyMs;
    const missed = Math.floor(passed / everyMs);
    const sinceGrid = passed - missed * everyMs;
    if (missed === 0 || sinceGrid > catchupMs || catchupMs === 0) return everyMs - sinceGrid;
    this.#missed = missed - 1;
    return -sinceGrid;
  }

  take({ wall, monotonic }: Time): Due {
    if (this.#left === 0 || monotonic < this.#next) return NOT_DUE;
    const late = monotonic - this.#next;
    const passed = Math.floor(late / this.#everyMs);
    const slot = Math.round(wall - (late - passed * this.#everyMs));
    const missed = passed + this.#missed;
    this.#missed = 0;
    this.#left--;
    this.#next += (passed + 1) * this.#everyMs;
    return { kind: "run", slot, missed };
  }

  wait({ monotonic }: Time): number | null {
    return this.#left === 0 ? null : Math.max(0, this.#next - monotonic);
  }
}
