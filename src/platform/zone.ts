/**
 * The clock of a time zone: what it shows at an instant, and at which instants it shows a time.
 *
 * A wall time is what the clock on the wall shows, kept as the milliseconds since 1970 that UTC
 * would have for it. On most days a wall time is one instant. Where clocks go forward, the wall
 * times of the gap are no instant at all; where they go back, those of the fold are two.
 *
 * @pure
 */

import { parsePosixZone } from "./posix_zone.ts";

/** The offsets in force around one local day: the same twice, unless clocks change near it. */
export interface DayOffsets {
  readonly before: number;
  readonly after: number;
  /** The first instant of `after`. */
  readonly changeAt: number;
}

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;

/** Working out an offset takes microseconds, and a thousand jobs ask about the same few days. */
const DAYS_KNOWN = 16;

export class Zone {
  readonly #offsetAt: (at: number) => number;
  readonly #days = new Map<number, DayOffsets>();

  /**
   * @param name as in `Europe/Berlin`, `JST-9` or `/etc/localtime`
   * @param offsetAt wall time minus UTC, in milliseconds, at an instant
   */
  constructor(readonly name: string, offsetAt: (at: number) => number) {
    this.#offsetAt = offsetAt;
  }

  /** Wall time minus UTC, in milliseconds, at an instant. */
  offsetAt(at: number): number {
    return this.#offsetAt(at);
  }

  /** The offsets around the day that begins at this wall time, a midnight. */
  offsetsOfDay(day: number): DayOffsets {
    const found = this.#days.get(day) ?? findOffsets(this.#offsetAt, day);
    if (this.#days.size >= DAYS_KNOWN) this.#days.clear();
    this.#days.set(day, found);
    return found;
  }

  toJSON(): string {
    return this.name;
  }
}

export const UTC = new Zone("UTC", () => 0);

/** By name. There are as many as the configuration names, and no more than Intl has. */
const known = new Map<string, Zone>([["UTC", UTC]]);

/**
 * A zone that needs no file: a name of the IANA database, whose rules are those of Intl (built into
 * Deno), or a rule in the form of POSIX, as in `CET-1CEST,M3.5.0,M10.5.0/3`.
 *
 * @throws {SyntaxError} when there is no such zone
 */
export function zoneOf(name: string): Zone {
  let zone = known.get(name);
  if (zone === undefined) known.set(name, zone = ianaZone(name) ?? posixZone(name));
  return zone;
}

/** Null when Intl has no zone of that name. */
export function ianaZone(name: string): Zone | null {
  // Intl takes offsets such as "+03" for names; nothing else does.
  if (!/^[A-Za-z]/.test(name)) return null;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    return null;
  }
  return new Zone(name, (at) => parseOffset(format.formatToParts(at)));
}

function posixZone(name: string): Zone {
  const offsetAt = parsePosixZone(name);
  if (offsetAt !== null) return new Zone(name, offsetAt);
  throw new SyntaxError(
    "needs a time zone such as Europe/Berlin, UTC or CET-1CEST,M3.5.0,M10.5.0/3",
  );
}

/** "GMT+05:45" is how Intl writes an offset; "GMT" is zero. */
function parseOffset(parts: readonly Intl.DateTimeFormatPart[]): number {
  const text = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  const found = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (found === null) throw new Error(`cannot read the offset of a time zone: "${text}"`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = found;
  const offset = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1000;
  return sign === "-" ? -offset : offset;
}

/** No zone has two changes within this window, so that a binary search finds the one there is. */
function findOffsets(offsetAt: (at: number) => number, day: number): DayOffsets {
  // POSIX lets a zone be 25 hours from UTC, and this holds every instant of the day.
  let from = day - 26 * HOUR_MS;
  let to = day + DAY_MS + 26 * HOUR_MS;
  const before = offsetAt(from);
  const after = offsetAt(to);
  if (before === after) return { before, after, changeAt: to };
  while (to - from > 1000) {
    const middle = from + Math.floor((to - from) / 2000) * 1000;
    if (offsetAt(middle) === before) from = middle;
    else to = middle;
  }
  return { before, after, changeAt: to };
}

/** @returns the instants at which the clock shows this: none, one or two, in order */
export function instantsOf(wall: number, { before, after, changeAt }: DayOffsets): number[] {
  const first = wall - before;
  const second = wall - after;
  if (before === after) return [first];
  return [...(first < changeAt ? [first] : []), ...(second >= changeAt ? [second] : [])];
}

/**
 * The instant at which the clock shows a wall time: the first one in a fold, and in a gap the one
 * that the clock before it would show, as mktime(3) has it.
 */
export function instantOf(wall: number, zone: Zone): number {
  const offsets = zone.offsetsOfDay(Math.floor(wall / DAY_MS) * DAY_MS);
  return instantsOf(wall, offsets)[0] ?? wall - offsets.before;
}
