/** The coming times of a schedule, for people to look at before it runs. */

import type { When } from "../config/config.ts";
import { type CronSpec, localMinute, matches } from "../schedule/cron.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A rule that has no match in so many days has none: 29 February comes within eight years. */
const HORIZON_DAYS = 8 * 366 + 1;

/**
 * @param now milliseconds since the epoch; an interval is counted from there
 * @returns up to `count` times, fewer when there are no more
 */
export function nextTimes(when: When, now: number, count: number): number[] {
  if (when.kind === "every") {
    return Array.from({ length: count }, (_, i) => now + (i + 1) * when.everyMs);
  }
  const times: number[] = [];
  let at = Math.floor(now / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const end = now + HORIZON_DAYS * DAY_MS;
  while (at < end && times.length < count) {
    if (!canMatchOnDay(when.spec, at)) at = startOfNextDay(at);
    else {
      if (matches(when.spec, localMinute(at))) times.push(at);
      at += MINUTE_MS;
    }
  }
  return times;
}

function canMatchOnDay(spec: CronSpec, at: number): boolean {
  return matches({ ...spec, minute: -1, hour: -1 }, localMinute(at));
}

function startOfNextDay(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}
