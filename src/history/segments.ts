/**
 * Appends entries to a history and lets go of the oldest. Other programs may do the same to the same
 * files: what each segment has is counted anew when its size is not what it was.
 */

import type { HistoryFiles } from "../spool/history_files.ts";
import type { HistoryLimit } from "./settings.ts";

/** A segment that has so many is full in any case: readers have one in memory. */
const MOST_IN_SEGMENT = 10_000;
/** More runs are not kept, however short the time in which they were. */
export const MOST_RUNS = 1_000_000;
const NEWLINE = 10;
/** Of a segment that another program removes again and again. */
const MOST_TRIES = 10;

/** What a segment has, as of the last count. */
interface SegmentTally {
  readonly size: number;
  readonly entries: number;
  /** When its first entry was written, or seen; ms since the epoch. */
  readonly since: number;
  /** Its last line is whole. */
  readonly isWhole: boolean;
}

export class Segments {
  readonly #tallies = new Map<string, SegmentTally>();

  constructor(private readonly files: HistoryFiles, public limit: HistoryLimit) {}

  get #mostRuns(): number {
    return this.limit.kind === "runs" ? Math.min(this.limit.count, MOST_RUNS) : MOST_RUNS;
  }

  /** How many are worth writing at once: of more the first would be gone again. */
  get capacity(): number {
    return this.#mostRuns;
  }

  get #perSegment(): number {
    return Math.min(Math.ceil(this.#mostRuns / 4), MOST_IN_SEGMENT);
  }

  /**
   * Appends as many entries as there is room for in one segment.
   *
   * @param lines makes the lines of the first `count` of them, for that segment
   * @returns how many it has appended, at least one
   */
  append(count: number, now: number, lines: (segment: string, count: number) => string): number {
    for (let tries = 1;; tries++) {
      const segment = this.#open(now);
      const tally = this.#tally(segment, now);
      const taken = Math.min(count, Math.max(1, this.#perSegment - tally.entries));
      try {
        const text = `${tally.isWhole ? "" : "\n"}${lines(segment, taken)}`;
        const bytes = new TextEncoder().encode(text);
        this.files.append(segment, bytes);
        this.#tallies.set(segment, {
          size: tally.size + bytes.length,
          entries: tally.entries + taken,
          since: tally.since,
          isWhole: true,
        });
        return taken;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound) || tries >= MOST_TRIES) throw error;
        this.#tallies.delete(segment);
      }
    }
  }

  /** The segment to write to. */
  #open(now: number): string {
    const newest = this.files.segments().at(-1);
    if (newest === undefined) return this.files.makeSegment(undefined);
    const { entries, since } = this.#tally(newest, now);
    const { limit } = this;
    const isOld = limit.kind === "time" && entries > 0 && now - since >= limit.ms / 4;
    return entries >= this.#perSegment || isOld ? this.files.makeSegment(newest) : newest;
  }

  #tally(segment: string, now: number): SegmentTally {
    const size = this.files.stat(segment)?.size ?? 0;
    const known = this.#tallies.get(segment);
    if (known?.size === size) return known;
    const before = known !== undefined && known.size < size ? known : null;
    const bytes = this.files.read(segment, before?.size ?? 0);
    let entries = before?.entries ?? 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) entries++;
    const tally = {
      size: (before?.size ?? 0) + bytes.length,
      entries,
      since: before?.since ?? firstStart(bytes) ?? now,
      isWhole: bytes.length === 0 ? before?.isWhole ?? true : bytes.at(-1) === NEWLINE,
    };
    this.#tallies.set(segment, tally);
    return tally;
  }

  /** Removes the oldest segments, as far as the others have enough. */
  expire(now: number): void {
    const { limit } = this;
    const segments = this.files.segments();
    for (const known of this.#tallies.keys()) {
      if (!segments.includes(known)) this.#tallies.delete(known);
    }
    let entries = segments.reduce((sum, each) => sum + this.#tally(each, now).entries, 0);
    for (const [at, segment] of segments.entries()) {
      entries -= this.#tally(segment, now).entries;
      const isLast = at === segments.length - 1;
      const mtimeMs = this.files.stat(segment)?.mtimeMs ?? now;
      const isOver = limit.kind === "time" && now - mtimeMs > limit.ms;
      if (!isOver && (isLast || entries < this.#mostRuns)) return;
      this.files.drop(segment);
      this.#tallies.delete(segment);
    }
  }
}

/** When the first run in a segment started. */
function firstStart(bytes: Uint8Array): number | null {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096));
  const found = /"startedAt":(\d+)/.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}
