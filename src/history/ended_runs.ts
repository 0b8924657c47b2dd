/**
 * Runs that have ended and are not written yet, in the order of their ends; of too many the last. A task that
 * went well and printed nothing is kept as its line, in bytes, and not as its event, which would live just
 * long enough to be costly. What stands behind its name is that of the task before it most of the time.
 *
 * @pure
 */

import type { Event } from "../report/event.ts";
import { startOf, tenths } from "./entry.ts";
import { LineBlock } from "./line_block.ts";
import type { RunOutput } from "./run_output.ts";
import { TextBytes } from "./text_bytes.ts";

/** The end of a run. */
export type EndOfRun = Extract<
  Event,
  { type: "task.settled" | "job.ended" | "job.enqueued" }
>;

/**
 * One of which there is more to say than of a task that went well and printed nothing, or the line of which
 * is no plain one: for a name that JSON escapes, for example.
 */
export interface EndedRun {
  readonly event: EndOfRun;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly output: RunOutput | null;
}

/** Blocks that are kept for the next batch: two megabytes. */
const MOST_SPARE = 32;
/** What has been let go is taken out together. */
const MOST_BEFORE_FIRST = 4096;
/** Lines of other runs that are made and written at a time. */
const LINES = 128;

const encoder = new TextEncoder();
const HEAD = encoder.encode('{"name":"');

/** Lines of tasks that went well one after the other. */
interface Done {
  readonly block: LineBlock;
  /** Where they are in the block. */
  readonly start: number;
  end: number;
  lines: number;
}

/** Of other runs is kept what their lines are made of. */
type Kept = Done | EndedRun;

export class EndedRuns {
  /** In the order of their ends; what all of is too many has been let go, and stands before the first. */
  #kept: Kept[] = [];
  #first = 0;
  readonly #spare: LineBlock[] = [];
  /** Takes the next line, while it has room. */
  #block: LineBlock | null = null;
  /** The last that is kept, where it has lines of the block. */
  #last: Done | null = null;
  readonly #lastRest = new LastRest();
  readonly #bytes = new TextBytes();
  /** In all that is kept, the first of which may be too many. */
  #lines = 0;
  /** How many there are. */
  count = 0;

  /** @param capacity the same until all are taken */
  add(event: EndOfRun, at: number, output: RunOutput | null, capacity: number): void {
    const block = output === null ? this.#write(event, at) : null;
    if (block !== null) this.#keepLine(block);
    else {
      this.#kept.push({ event, at, output });
      this.#last = null;
    }
    this.#lines++;
    this.count = Math.min(this.#lines, capacity);
    const first = this.#kept[this.#first];
    if (first !== undefined && this.#lines - linesOf(first) >= capacity) this.#dropFirst(first);
  }

  /** @returns the block that has the line now; null where a line is to be made by others */
  #write(event: EndOfRun, at: number): LineBlock | null {
    if (event.type !== "task.settled" || event.fate.kind !== "done") return null;
    const { task: name, func, attempt, tookMs, waitMs } = event;
    const rest = this.#lastRest.of(func, attempt, at, tookMs, waitMs);
    const bytes = HEAD.length + name.length + rest.length;
    if (!this.#block?.hasRoom(bytes)) this.#block = this.#spare.pop() ?? new LineBlock();
    const block = this.#block;
    return block.hasRoom(bytes) && block.add(HEAD, name, rest) ? block : null;
  }

  /** The last line of the block. */
  #keepLine(block: LineBlock): void {
    if (this.#last?.block !== block) {
      this.#last = { block, start: block.lastStart, end: block.end, lines: 0 };
      this.#kept.push(this.#last);
      block.users++;
    }
    this.#last.end = block.end;
    this.#last.lines++;
  }

  #dropFirst(first: Kept): void {
    this.#lines -= linesOf(first);
    this.#letGo(first);
    if (++this.#first < MOST_BEFORE_FIRST) return;
    this.#kept = this.#kept.slice(this.#first);
    this.#first = 0;
  }

  /** What nobody needs any more takes other lines. */
  #letGo(kept: Kept): void {
    if (!("block" in kept)) return;
    const { block } = kept;
    if (--block.users > 0 || block === this.#block) return;
    block.clear();
    if (this.#spare.length < MOST_SPARE) this.#spare.push(block);
  }

  /**
   * The lines of some of them, in the order of their ends; a piece is good until the next is asked for.
   *
   * @param from the first, from 0
   * @param other makes that of any other run
   */
  *lines(
    from: number,
    count: number,
    other: (run: EndedRun) => string,
  ): Generator<Uint8Array<ArrayBuffer>> {
    let skipped = this.#lines - this.count + from;
    let wanted = count;
    let text = "";
    let texts = 0;
    for (let at = this.#first; wanted > 0; at++) {
      const kept = this.#kept[at] as Kept;
      const lines = linesOf(kept);
      if (skipped >= lines) {
        skipped -= lines;
        continue;
      }
      const taken = Math.min(wanted, lines - skipped);
      const isDone = "block" in kept;
      if (text !== "" && (isDone || texts === LINES)) {
        yield this.#bytes.of(text);
        text = "";
        texts = 0;
      }
      if (isDone) {
        const { block } = kept;
        const start = block.behind(kept.start, skipped);
        yield block.of(start, taken < lines ? block.behind(start, taken) : kept.end);
      } else {
        text += other(kept);
        texts++;
      }
      skipped = 0;
      wanted -= taken;
    }
    if (text !== "") yield this.#bytes.of(text);
  }

  clear(): void {
    this.#block = this.#last = null;
    for (const kept of this.#kept.slice(this.#first)) this.#letGo(kept);
    this.#kept = [];
    this.#first = 0;
    this.#lines = this.count = 0;
  }
}

const linesOf = (kept: Kept) => "block" in kept ? kept.lines : 1;

/** What stands behind the name, made anew where it is not the one before: in a drain few are. */
class LastRest {
  #func = "";
  #attempt = 0;
  #startedAt = 0;
  #tookMs = 0;
  #waitMs: number | null = 0;
  #bytes: Uint8Array | null = null;

  of(func: string, attempt: number, at: number, tookMs: number, waitMs: number | null): Uint8Array {
    const startedAt = startOf(at, tookMs);
    const took = tenths(tookMs);
    const wait = waitMs === null ? null : Math.round(waitMs);
    if (
      startedAt === this.#startedAt && took === this.#tookMs && wait === this.#waitMs &&
      func === this.#func && attempt === this.#attempt && this.#bytes !== null
    ) return this.#bytes;
    this.#func = func;
    this.#attempt = attempt;
    this.#startedAt = startedAt;
    this.#tookMs = took;
    this.#waitMs = wait;
    const rest = { func, attempt, startedAt, tookMs: took, waitMs: wait, ...DONE };
    return this.#bytes = encoder.encode(`",${JSON.stringify(rest).slice(1)}\n`);
  }
}

const DONE = { fate: "done", dueAt: null, reason: null, output: null } as const;
