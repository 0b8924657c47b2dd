/**
 * Files of the time zone database, as in /usr/share/zoneinfo and /etc/localtime.
 *
 * Source: RFC 8536, The Time Zone Information Format (TZif), versions 1 to 4.
 *
 * @pure
 */

import { parsePosixZone } from "./posix_zone.ts";

const HEADER_SIZE = 44;

interface Counts {
  readonly version: number;
  readonly isUt: number;
  readonly isStandard: number;
  readonly leaps: number;
  readonly times: number;
  readonly types: number;
  readonly chars: number;
}

/**
 * @returns wall time minus UTC at an instant, in milliseconds
 * @throws {SyntaxError} when this is no such file
 */
export function parseTzif(bytes: Uint8Array): (at: number) => number {
  try {
    return read(bytes);
  } catch (error) {
    // What is read behind the end of a file that was cut.
    if (error instanceof RangeError) throw new SyntaxError("is a time zone file that was cut off");
    throw error;
  }
}

function read(bytes: Uint8Array): (at: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = countsAt(view, 0);
  if (first.version < 2) return offsets(view, HEADER_SIZE, first, 4, null);
  // The first block has times of 32 bits, for readers of version 1.
  const second = HEADER_SIZE + sizeOf(first, 4);
  const counts = countsAt(view, second);
  const footer = new TextDecoder().decode(
    bytes.subarray(second + HEADER_SIZE + sizeOf(counts, 8)),
  ).trim();
  return offsets(view, second + HEADER_SIZE, counts, 8, footer);
}

function countsAt(view: DataView, at: number): Counts {
  if (view.getUint32(at) !== 0x545a6966) throw new SyntaxError("is not a time zone file");
  const [isUt = 0, isStandard = 0, leaps = 0, times = 0, types = 0, chars = 0] = [0, 1, 2, 3, 4, 5]
    .map((index) => view.getUint32(at + 20 + 4 * index));
  const version = view.getUint8(at + 4) - 0x30;
  return { version, isUt, isStandard, leaps, times, types, chars };
}

function sizeOf({ isUt, isStandard, leaps, times, types, chars }: Counts, width: number): number {
  return times * (width + 1) + types * 6 + chars + leaps * (width + 4) + isStandard + isUt;
}

/** @param footer the rule for what comes after the last change; null, or no rule, goes on with its type */
function offsets(
  view: DataView,
  at: number,
  { times, types }: Counts,
  width: 4 | 8,
  footer: string | null,
): (at: number) => number {
  const changes: number[] = [];
  const kinds: number[] = [];
  for (let index = 0; index < times; index++) {
    const place = at + index * width;
    const seconds = width === 4 ? view.getInt32(place) : Number(view.getBigInt64(place));
    changes.push(seconds * 1000);
    kinds.push(view.getUint8(at + times * width + index));
  }
  const typesAt = at + times * (width + 1);
  const offsetsOfTypes = Array.from(
    { length: types },
    (_, index) => view.getInt32(typesAt + 6 * index) * 1000,
  );
  const last = changes.at(-1) ?? -Infinity;
  // Parsed when a time is asked for: most commands tell none.
  let after: ReturnType<typeof parsePosixZone> | undefined;
  return (instant) => {
    if (after === undefined) after = footer === null ? null : parsePosixZone(footer);
    if (after !== null && instant >= last) return after(instant);
    let [low, high] = [0, changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((changes[middle] ?? Infinity) <= instant) low = middle + 1;
      else high = middle;
    }
    // Before the first change the first type holds.
    return offsetsOfTypes[kinds[low - 1] ?? 0] ?? 0;
  };
}
