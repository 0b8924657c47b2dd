/** An instant as a clock of a zone shows it, for people and for machines. @pure */

import { DAY_MS, HOUR_MS, MINUTE_MS, type Zone } from "../platform/zone.ts";

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `Mon 2026-11-23 10:05:00 +01:00`, with a fraction only where there is one. */
export function wallText(at: number, zone: Zone): string {
  const [date, time] = wallParts(at, zone);
  const day = Math.floor((at + zone.offsetAt(at)) / DAY_MS);
  // 1970 began on a Thursday.
  return `${WEEKDAYS[(((day + 4) % 7) + 7) % 7]} ${date} ${time} ${offsetText(zone.offsetAt(at))}`;
}

/** ISO 8601 with the offset: `2026-11-23T10:05:00+01:00`. */
export function isoText(at: number, zone: Zone): string {
  const [date, time] = wallParts(at, zone);
  return `${date}T${time}${offsetText(zone.offsetAt(at))}`;
}

function wallParts(at: number, zone: Zone): [date: string, time: string] {
  const text = new Date(Math.round(at) + zone.offsetAt(at)).toISOString();
  return [text.slice(0, 10), text.slice(11, -1).replace(".000", "")];
}

function offsetText(offset: number): string {
  const minutes = Math.abs(offset) / MINUTE_MS;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / HOUR_MS)}:${two(minutes % 60)}`;
}
