/** The coming starts of a job. @pure */

import type { ScheduleConfig } from "./settings.ts";
import { Calendar } from "./calendar.ts";
import type { Slots } from "./calendar_rhythm.ts";
import { Grid } from "./grid.ts";
import { jitterOffset } from "./jitter.ts";

export interface UpcomingOptions {
  /** Whose jitter counts. */
  readonly host: string;
  /** Milliseconds since the epoch, as are all times here. */
  readonly now: number;
  /** The last slot of the job, which a timer goes on from; null counts from now. */
  readonly last: number | null;
}

/** Of one job. */
export interface ComingStarts {
  readonly job: string;
  /** Milliseconds since the epoch. */
  readonly times: readonly number[];
}

/** @returns when the job starts, up to `count` times; none for @reboot and days that never come */
export function comingTimes(
  { when, id, jitterMs, once }: Pick<ScheduleConfig, "when" | "id" | "jitterMs" | "once">,
  { host, now, last }: UpcomingOptions,
  count: number,
): number[] {
  const offsetMs = jitterOffset(host, id, jitterMs);
  switch (when.kind) {
    case "reboot":
      return [];
    case "every": {
      if (once !== null) return upcomingSlots(new Grid(when.everyMs), now, offsetMs, count);
      const from = last === null || last > now ? now + offsetMs : last;
      const passed = Math.max(0, Math.floor((now - from) / when.everyMs));
      const first = from + (passed + 1) * when.everyMs;
      const length = Math.min(count, when.iterations ?? Infinity);
      return Array.from({ length }, (_, index) => first + index * when.everyMs);
    }
    case "cron":
      return upcomingSlots(new Calendar(when.spec, when.zone), now, offsetMs, count);
    default:
      return when satisfies never;
  }
}

function upcomingSlots(slots: Slots, now: number, offsetMs: number, count: number): number[] {
  const times: number[] = [];
  let slot = slots.next(now - offsetMs);
  while (slot !== null && times.length < count) {
    times.push(slot + offsetMs);
    slot = slots.next(slot);
  }
  return times;
}
