/** `--at`: when a task is to start, as people say it. @pure */

import { parseDuration } from "../config/value.ts";
import { localZone, parseDate, timeText } from "../platform/local_time.ts";
import { parseAt } from "../task/request.ts";
import { textVar, type Var } from "../wire/packet.ts";
import { UsageError } from "./error.ts";

const DAY_MS = 86_400_000;

/**
 * `5m` from now, the next `18:00`, `today 18:00`, `tomorrow 09:00`, a date with a time, or seconds since
 * the epoch. A time of day is local.
 *
 * @param now milliseconds since the epoch, as is the result
 * @throws {UsageError} when it is none of these, or a time that does not exist
 */
export function parseStart(text: string, now: number): number {
  if (/^\d+(\.\d*)?$/.test(text)) return parseAt(text) * 1000;
  const soon = durationOf(text);
  if (soon !== null) return now + soon;
  const [, day, time] = /^(?:(today|tomorrow) +)?(\d\d?:\d\d(?::\d\d)?)$/.exec(text) ?? [];
  if (time === undefined) return instantOfDate(text, text);
  const today = dayOf(now, 0);
  if (day !== undefined) return onDay(day === "today" ? today : dayOf(now, 1), time, text);
  const next = onDay(today, time, text);
  return next > now ? next : onDay(dayOf(now, 1), time, text);
}

/** Refuses what is no time in any zone. @throws {UsageError} */
export function checkStart(text: string): void {
  if (!/^(?:\+?\d|(?:today|tomorrow) )/.test(text)) throw notATime(text);
}

function notATime(text: string): UsageError {
  return new UsageError(
    "--at needs a time that exists: 5m, 18:00, tomorrow 09:00, 2026-12-24T18:00:00 or seconds " +
      `since the epoch: "${text}"`,
  );
}

function durationOf(text: string): number | null {
  if (!/^\+?[\d.]+(?:ms|s|m|h|d)$/.test(text)) return null;
  try {
    return parseDuration(text);
  } catch {
    return null;
  }
}

/** `2026-12-24`, so many days from now on the calendar. */
function dayOf(now: number, days: number): string {
  const wall = now + localZone().offsetAt(now) + days * DAY_MS;
  return new Date(wall).toISOString().slice(0, 10);
}

function onDay(day: string, time: string, text: string): number {
  return instantOfDate(`${day} ${time.padStart(time.length > 5 ? 8 : 5, "0")}`, text);
}

function instantOfDate(date: string, text: string): number {
  const at = dateOf(date, text);
  if (at === null) throw notATime(text);
  const [, wall] = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)[\d:.]*$/.exec(date) ?? [];
  if (wall !== undefined && timeText(at).slice(0, 16) !== wall.replace("T", " ")) {
    throw new UsageError(
      `--at needs a time that exists: the clocks of ${localZone().name} skip this one: "${text}"`,
    );
  }
  return Math.floor(at / 1000) * 1000;
}

function dateOf(date: string, text: string): number | null {
  try {
    return parseDate(date);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`--at takes no local time here, as ${error.message}: "${text}"`);
  }
}

/** The var that says so to the spooler. @param at milliseconds since the epoch */
export function startVar(at: number): Var {
  return textVar("at", String(Math.floor(at / 1000)));
}
