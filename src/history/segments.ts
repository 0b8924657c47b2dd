/**
 * Appends entries to a history and lets go of the oldest. A segment is named by how many entries came
 * before it, so the names say how much each holds, and only the newest is ever read. Other programs may
 * do the same to the same files: what the newest has is counted again when its size is not what it was.
 */

import type { HistoryFiles } from "../spool/history_files.ts";
import { carryOver } from "./rare_jobs.ts";
import type { HistoryLimit } from "./settings.ts";

/** A segment that has so many is full in any case: readers have one in memory. */
const MOST_IN_SEGMENT = 10_000;
/** More runs are not kept, however short the time in which they were. */
export const MOST_RUNS = 1_000_000;
const NEWLINE = 10;
const NOTHING = new Uint8Array(0);
/** Of a segment that another program removes again and again. */
const MOST_TRIES = 10;

/** What the newest segment has, as of the last count. */
interface SegmentTally {
  readonly segment: string;
  readonly size: number;
  readonly entries: number;
  /** When its first entry was written, or seen; ms since the epoch. */
  readonly since: number;
  /** Its last line is whole. */
  readonly isWhole: boolean;
}

/** Lines as bytes, piece by piece. */
type Lines = Iterable<Uint8Array<ArrayBuffer>>;

export class Segments {
  #newest: SegmentTally | null = null;

  /** @param keepsRare rare jobs keep their last runs when a segment goes */
  constructor(
    private readonly files: HistoryFiles,
    public limit: HistoryLimit,
    private readonly keepsRare = false,
  ) {}

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
  append(
    count: number,
    now: number,
    lines: (segment: string, count: number) => Lines,
  ): number {
    for (let tries = 1;; tries++) {
      const tally = this.#open(now);
      const { segment } = tally;
      const taken = Math.min(count, Math.max(1, this.#perSegment - tally.entries));
      try {
        const made = lines(segment, taken);
        const size = this.files.append(segment, tally.isWhole ? made : behindNewline(made));
        this.#newest = {
          ...{ segment, since: tally.since, isWhole: true },
          size: tally.size + size,
          entries: tally.entries + taken,
        };
        return taken;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound) || tries >= MOST_TRIES) throw error;
        this.#newest = null;
      }
    }
  }

  /** The segment to write to. */
  #open(now: number): SegmentTally {
    const newest = this.files.segments().at(-1);
    if (newest === undefined) return this.#tally(this.files.makeSegment(1), now);
    const tally = this.#tally(newest, now);
    const { limit } = this;
    const isOld = limit.kind === "time" && tally.entries > 0 && now - tally.since >= limit.ms / 4;
    if (tally.entries < this.#perSegment && !isOld) return tally;
    return this.#tally(this.files.makeSegment(Number(newest) + tally.entries), now);
  }

  #tally(segment: string, now: number): SegmentTally {
    const size = this.files.stat(segment)?.size ?? 0;
    const known = this.#newest?.segment === segment ? this.#newest : null;
    if (known?.size === size) return known;
    const before = known !== null && known.size < size ? known : null;
    const bytes = size === 0 ? NOTHING : this.files.read(segment, before?.size ?? 0);
    let entries = before?.entries ?? 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) entries++;
    const tally = {
      segment,
      size: (before?.size ?? 0) + bytes.length,
      entries,
      since: before?.since ?? firstStart(bytes) ?? now,
      isWhole: bytes.length === 0 ? before?.isWhole ?? true : bytes.at(-1) === NEWLINE,
    };
    this.#newest = tally;
    return tally;
  }

  /** Removes the oldest segments, as far as the others have enough. */
  expire(now: number): void {
    const segments = this.files.segments();
    const newest = segments.at(-1);
    if (newest === undefined) return;
    const end = Number(newest) + this.#tally(newest, now).entries;
    for (const [at, segment] of segments.entries()) {
      const next = segments[at + 1];
      const hasEnough = next !== undefined && end - Number(next) >= this.#mostRuns;
      const isOver = this.#isOver(segment, now);
      if (!hasEnough && !isOver) return;
      if (this.keepsRare && !isOver) {
        carryOver(this.files, segment, segments.slice(at + 1), this.#perSegment / 2);
      }
      this.files.drop(segment);
    }
  }

  /** Nothing was added to it for so long that all of it is too old. */
  #isOver(segment: string, now: number): boolean {
    const { limit } = this;
    if (limit.kind !== "time") return false;
    return now - (this.files.stat(segment)?.mtimeMs ?? now) > limit.ms;
  }
}

function* behindNewline(lines: Lines): Lines {
  yield Uint8Array.of(NEWLINE);
  yield* lines;
}

/** When the first run in a segment started. */
function firstStart(bytes: Uint8Array): number | null {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096));
  const found = /"startedAt":(\d+)/.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}
