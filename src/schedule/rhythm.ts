/** Makes the rhythm of a job from its configuration and what is remembered of it. @pure */

import type { ScheduleConfig } from "./settings.ts";
import { BootRhythm } from "./boot_rhythm.ts";
import { Calendar } from "./calendar.ts";
import { CalendarRhythm } from "./calendar_rhythm.ts";
import type { Rhythm, Time } from "./due.ts";
import { Grid } from "./grid.ts";
import { IntervalRhythm, REMEMBERED_FROM_MS } from "./interval_rhythm.ts";
import { jitterOffset } from "./jitter.ts";

export interface Remembered {
  /** The last slot, in milliseconds since the epoch. */
  readonly slot: number;
  /** The start of the machine it ran in. */
  readonly boot: string;
}

export interface RhythmContext {
  readonly host: string;
  /** Names the present start of the machine. */
  readonly boot: string;
}

/** @param remembered null for a job that has never run */
export function rhythmOf(
  { when, id, catchupMs, jitterMs, once }: ScheduleConfig,
  remembered: Remembered | null,
  { host, boot }: RhythmContext,
  time: Time,
): Rhythm {
  const offsetMs = jitterOffset(host, id, jitterMs);
  const last = remembered?.slot ?? null;
  switch (when.kind) {
    case "cron": {
      const calendar = new Calendar(when.spec, when.zone);
      return new CalendarRhythm({ calendar, catchupMs, offsetMs, last }, time);
    }
    case "every":
      if (once !== null) {
        const durable = when.everyMs >= REMEMBERED_FROM_MS;
        const calendar = new Grid(when.everyMs);
        return new CalendarRhythm({ calendar, durable, catchupMs, offsetMs, last }, time);
      }
      return new IntervalRhythm({ ...when, catchupMs, offsetMs, last }, time);
    case "reboot":
      return new BootRhythm({ pending: remembered?.boot !== boot, offsetMs }, time);
    default:
      return when satisfies never;
  }
}

/** All of a job that decides when it is due. */
export function timesOf({ when, catchupMs, jitterMs, once }: ScheduleConfig) {
  return { when, catchupMs, jitterMs, isShared: once !== null };
}
