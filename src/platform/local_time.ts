/**
 * The local time of this process: one zone for all that is shown and read, as the C library has it.
 * Nothing else in the program asks for local time.
 *
 * @pure
 */

import { instantOf, UTC, type Zone } from "./zone.ts";

let zone = UTC;
/** Why nobody knows the local zone; null where it is known. */
let unknown: string | null = null;

export function localZone(): Zone {
  return zone;
}

/** Once at the start, and again when the configuration says otherwise (`env = TZ=…`). */
export function useLocalZone(local: Zone): void {
  zone = local;
  unknown = null;
}

/** Times are shown in UTC then, and read only with an offset. */
export function useUnknownZone(reason: string): void {
  zone = UTC;
  unknown = reason;
}

/** Why the local zone is not known; null where it is. */
export function unknownZone(): string | null {
  return unknown;
}

/** Local time, to the millisecond: `2026-11-23 09:30:00.123`. */
export function timeText(at: number): string {
  return new Date(at + zone.offsetAt(at)).toISOString().slice(0, -1).replace("T", " ");
}

/**
 * `2026-12-24`, `2026-12-24T18:00` or `2026-12-24 18:00:00.5`, in local time, or with `Z` or an offset
 * such as `+01:00` behind it.
 *
 * @returns milliseconds since the epoch; null for what is no date
 * @throws {SyntaxError} for a local time where the local zone is not known
 */
export function parseDate(text: string): number | null {
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:?\d\d)?$/
    .exec(text);
  if (found === null) return null;
  const [, date = "", time = "00:00", offset] = found;
  const wall = Date.parse(`${date}T${time}Z`);
  // Date.parse takes the 31st of February for the 3rd of March.
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 10) !== date) return null;
  if (offset === undefined && unknown !== null) throw new SyntaxError(unknown);
  if (offset === undefined) return instantOf(wall, zone);
  const at = Date.parse(`${date}T${time}${offset.replace(/(\d\d):?(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(at) ? null : at;
}
