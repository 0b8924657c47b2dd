/**
 * Runs that have ended and are not written yet, in the order of their ends; of too many the last. A task that
 * went well is kept as its parts and not as its event, which would live just long enough to be costly.
 *
 * @pure
 */

import type { Event } from "../report/event.ts";
import type { EntryBytes } from "./entry_bytes.ts";
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

/** Numbers of a task: its end, how long it took and waited, and which attempt it was. */
const NUMBERS = 4;
const FIRST_PLACES = 256;
/** Room for more is given back. */
const MOST_KEPT = 8192;
const NOT_KNOWN = -1;

export class EndedRuns {
  #names: string[] = [];
  #funcs: string[] = [];
  #others: (EndedRun | null)[] = [];
  #numbers = new Float64Array(NUMBERS * FIRST_PLACES);
  /** Of all that were added since the last were taken; the ring has the last of them. */
  #added = 0;

  /** How many there are. */
  get count(): number {
    return this.#names.length;
  }

  /** @param capacity the same until all are taken */
  add(event: EndOfRun, at: number, output: RunOutput | null, capacity: number): void {
    const place = this.#added++ % capacity;
    if (event.type === "task.settled" && event.fate.kind === "done" && output === null) {
      this.#put(place, event.task, event.func, null);
      const from = NUMBERS * place;
      this.#numbers[from] = at;
      this.#numbers[from + 1] = event.tookMs;
      this.#numbers[from + 2] = event.waitMs ?? NOT_KNOWN;
      this.#numbers[from + 3] = event.attempt;
    } else {
      this.#put(place, "", "", { event, at, output });
    }
  }

  #put(place: number, name: string, func: string, other: EndedRun | null): void {
    this.#names[place] = name;
    this.#funcs[place] = func;
    this.#others[place] = other;
    if (NUMBERS * (place + 1) <= this.#numbers.length) return;
    const larger = new Float64Array(2 * this.#numbers.length);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  /**
   * Makes the entry of one of them.
   *
   * @param nth in the order of their ends, from 0
   * @param other makes that of a run of which there is more to say
   */
  write(nth: number, into: EntryBytes, other: (run: EndedRun) => void): void {
    const first = this.#added > this.count ? this.#added % this.count : 0;
    const place = (first + nth) % this.count;
    const run = this.#others[place] ?? null;
    if (run !== null) return other(run);
    const from = NUMBERS * place;
    const numbers = this.#numbers;
    const waitMs = numbers[from + 2] as number;
    into.addPlain(
      this.#names[place] as string,
      this.#funcs[place] as string,
      numbers[from + 3] as number,
      numbers[from] as number,
      numbers[from + 1] as number,
      waitMs === NOT_KNOWN ? null : waitMs,
    );
  }

  clear(): void {
    this.#names = [];
    this.#funcs = [];
    this.#others = [];
    this.#added = 0;
    if (this.#numbers.length > NUMBERS * MOST_KEPT) {
      this.#numbers = new Float64Array(NUMBERS * FIRST_PLACES);
    }
  }
}
