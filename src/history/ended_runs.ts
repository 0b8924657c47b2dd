/**
 * Runs that have ended and are not written yet, in the order of their ends; of too many the last. A task that
 * went well and printed nothing is kept as two texts and not as its event, which would live just long enough
 * to be costly: its name, and the rest of its line, which is that of the task before it most of the time.
 *
 * @pure
 */

import type { Event } from "../report/event.ts";
import { startOf, tenths } from "./entry.ts";
import type { RunOutput } from "./run_output.ts";

/** The end of a run. */
export type EndOfRun = Extract<
  Event,
  { type: "task.settled" | "job.ended" | "job.enqueued" }
>;

/** One of which there is more to say than of a task that went well and printed nothing. */
export interface EndedRun {
  readonly event: EndOfRun;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly output: RunOutput | null;
}

/** Room for more is given back. */
const MOST_KEPT = 16_384;
/** Characters that stand for themselves in JSON. */
const PLAIN = /^[ !#-[\]-~]*$/;

export class EndedRuns {
  /** Of a task that went well its name alone. */
  #runs: (string | EndedRun)[] = [];
  /** Of these the rest of the line. */
  #rests: string[] = [];
  readonly #lastRest = new LastRest();
  /** Of all that were added since the last were taken; the ring has the last of them. */
  #added = 0;
  /** How many there are. */
  count = 0;

  /** @param capacity the same until all are taken */
  add(event: EndOfRun, at: number, output: RunOutput | null, capacity: number): void {
    const place = this.#added++ % capacity;
    if (place >= this.count) this.count = place + 1;
    if (event.type === "task.settled" && event.fate.kind === "done" && output === null) {
      const { func, attempt, tookMs, waitMs } = event;
      this.#runs[place] = event.task;
      this.#rests[place] = this.#lastRest.of(func, attempt, at, tookMs, waitMs);
    } else {
      this.#runs[place] = { event, at, output };
      this.#rests[place] = "";
    }
  }

  /**
   * The lines of some of them, in the order of their ends.
   *
   * @param from the first, from 0
   * @param other makes that of a run of which there is more to say
   */
  lines(from: number, count: number, other: (run: EndedRun) => string): string {
    const first = this.#added > this.count ? this.#added % this.count : 0;
    let text = "";
    for (let nth = from; nth < from + count; nth++) {
      const place = (first + nth) % this.count;
      const run = this.#runs[place] as string | EndedRun;
      if (typeof run !== "string") text += other(run);
      else text += '{"name":"' + (PLAIN.test(run) ? run : inJson(run)) + this.#rests[place];
    }
    return text;
  }

  clear(): void {
    if (this.count > MOST_KEPT) {
      this.#runs = [];
      this.#rests = [];
    } else {
      this.#runs.fill("", 0, this.count);
      this.#rests.fill("", 0, this.count);
    }
    this.#added = this.count = 0;
  }
}

/** What stands behind the name, made anew where it is not the one before: in a drain few are. */
class LastRest {
  #func = "";
  #attempt = 0;
  #startedAt = 0;
  #tookMs = 0;
  #waitMs: number | null = 0;
  #text = "";

  of(func: string, attempt: number, at: number, tookMs: number, waitMs: number | null): string {
    const startedAt = startOf(at, tookMs);
    const took = tenths(tookMs);
    const wait = waitMs === null ? null : Math.round(waitMs);
    if (
      startedAt === this.#startedAt && took === this.#tookMs && wait === this.#waitMs &&
      func === this.#func && attempt === this.#attempt && this.#text !== ""
    ) return this.#text;
    this.#func = func;
    this.#attempt = attempt;
    this.#startedAt = startedAt;
    this.#tookMs = took;
    this.#waitMs = wait;
    const rest = { func, attempt, startedAt, tookMs: took, waitMs: wait, ...DONE };
    return this.#text = `",${JSON.stringify(rest).slice(1)}\n`;
  }
}

const DONE = { fate: "done", dueAt: null, reason: null, output: null } as const;

/** Without its quotes. */
const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
