/**
 * The clock of a time zone: what it shows at an instant, and at which instants it shows a time.
 *
 * A wall time is what the clock on the wall shows, kept as the milliseconds since 1970 that UTC
 * would have for it. On most days a wall time is one instant. Where clocks go forward, the wall
 * times of the gap are no instant at all; where they go back, those of the fold are two.
 *
 * The rules of the zones are those of Intl (the IANA database built into Deno).
 *
 * @pure
 */

export interface Zone {
  /** IANA name, as in `Europe/Berlin`. */
  readonly name: string;
  /** Wall time minus UTC, in milliseconds, at an instant. */
  offsetAt(at: number): number;
  /** The offsets around the day that begins at this wall time, a midnight. */
  offsetsOfDay(day: number): DayOffsets;
}

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

/** Asking Intl takes microseconds, and a thousand jobs ask about the same few days. */
const DAYS_KNOWN = 16;

/** @throws {SyntaxError} when there is no such zone */
export function zoneOf(name: string): Zone {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  } catch {
    throw new SyntaxError("wants a time zone such as Europe/Berlin or UTC");
  }
  const offsetAt = (at: number) => parseOffset(format.formatToParts(at));
  const known = new Map<number, DayOffsets>();
  const offsetsOfDay = (day: number) => {
    const found = known.get(day) ?? findOffsets(offsetAt, day);
    if (known.size >= DAYS_KNOWN) known.clear();
    known.set(day, found);
    return found;
  };
  return { name, offsetAt, offsetsOfDay };
}

/** The zone of the machine, or of the environment's TZ. UTC when it has no name that Intl knows. */
export function machineZoneName(): string {
  // Undefined for a TZ such as ":/etc/localtime", whatever the type says.
  const name = new Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  return name ?? "UTC";
}

/** "GMT+05:45" is how Intl writes an offset; "GMT" is none. */
function parseOffset(parts: readonly Intl.DateTimeFormatPart[]): number {
  const text = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  const found = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (found === null) throw new Error(`cannot read the offset of a time zone: "${text}"`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = found;
  const offset = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1000;
  return sign === "-" ? -offset : offset;
}

/** No zone has two changes within this window, so that a binary search finds the one there is. */
function findOffsets(offsetAt: Zone["offsetAt"], day: number): DayOffsets {
  // No zone is further from UTC than 14 hours, so that this holds every instant of the day.
  let from = day - 15 * HOUR_MS;
  let to = day + DAY_MS + 15 * HOUR_MS;
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
