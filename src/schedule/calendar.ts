/**
 * The slots of a cron rule in a time zone: the instants at which it is due.
 *
 * Where clocks change, there are two kinds of jobs, as in Vixie cron:
 *
 * - A job of certain hours is about the time of day. Its slots in a gap are one slot, at the end of
 *   the gap; those of a fold are due in its first pass only. It runs once, as on any day.
 * - A job of every hour is about the interval. It has no slots in a gap, which takes no time, and
 *   goes on through both passes of a fold.
 *
 * @pure
 */

import { type CronSpec, matchesDay } from "./cron.ts";
import {
  DAY_MS,
  type DayOffsets,
  HOUR_MS,
  instantsOf,
  MINUTE_MS,
  type Zone,
} from "../platform/zone.ts";

/** The 29th of February that is also a given weekday can be 40 years away, over the year 2100. */
const LONGEST_WAIT_DAYS = 41 * 366;

export class Calendar {
  #known: { readonly day: number; readonly slots: readonly number[] } = { day: NaN, slots: [] };

  constructor(readonly spec: CronSpec, readonly zone: Zone) {}

  /** The first slot behind this instant; null when it never comes, as for the 30th of February. */
  next(after: number): number | null {
    const { slots: known } = this.#known;
    const index = upTo(known, after);
    // Between two slots of the day that was asked about last: nothing to work out.
    if (index > 0 && index < known.length) return known[index] ?? null;
    let day = this.#dayOf(after);
    for (let days = 0; days <= LONGEST_WAIT_DAYS; days++, day += DAY_MS) {
      const slots = this.#slotsOf(day);
      const slot = slots[upTo(slots, after)];
      if (slot !== undefined) return slot;
    }
    return null;
  }

  /** The last slot up to and with `at` that is behind `since`. */
  last(since: number, at: number): number | null {
    const stop = this.#dayOf(since) - DAY_MS;
    for (let day = this.#dayOf(at); day >= stop; day -= DAY_MS) {
      const slots = this.#slotsOf(day);
      const slot = slots[upTo(slots, at) - 1];
      if (slot !== undefined) return slot > since ? slot : null;
    }
    return null;
  }

  /** How many slots lie behind `since`, up to and with `at`. */
  count(since: number, at: number): number {
    let count = 0;
    const stop = this.#dayOf(at);
    for (let day = this.#dayOf(since) - DAY_MS; day <= stop; day += DAY_MS) {
      const slots = this.#slotsOf(day);
      count += Math.max(0, upTo(slots, at) - upTo(slots, since));
    }
    return count;
  }

  /** The wall time of the midnight before an instant. */
  #dayOf(at: number): number {
    return Math.floor((at + this.zone.offsetAt(at)) / DAY_MS) * DAY_MS;
  }

  #slotsOf(day: number): readonly number[] {
    if (this.#known.day === day) return this.#known.slots;
    const date = new Date(day);
    const fits = matchesDay(this.spec, {
      day: date.getUTCDate(),
      month: date.getUTCMonth() + 1,
      weekday: date.getUTCDay(),
    });
    if (!fits) return [];
    const slots = slotsOfDay(this.spec, day, this.zone.offsetsOfDay(day));
    this.#known = { day, slots };
    return slots;
  }
}

/** How many of the slots, which are in order, are not behind `at`. */
function upTo(slots: readonly number[], at: number): number {
  let [low, high] = [0, slots.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((slots[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The slots of a day that fits, in order, each once. */
function slotsOfDay(spec: CronSpec, day: number, offsets: DayOffsets): number[] {
  const walls: number[] = [];
  for (const hour of spec.hours) {
    for (const minute of spec.minutes) walls.push(day + hour * HOUR_MS + minute * MINUTE_MS);
  }
  if (offsets.before === offsets.after) return walls.map((wall) => wall - offsets.before);

  const everyHour = spec.hours.size === 24;
  const slots = new Set(walls.flatMap((wall) => {
    const instants = instantsOf(wall, offsets);
    return everyHour ? instants : [instants[0] ?? offsets.changeAt];
  }));
  return [...slots].sort((a, b) => a - b);
}
