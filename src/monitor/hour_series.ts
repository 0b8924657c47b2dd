/** What the last hour was like: a sample of each spool every 20 s, while it runs. */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";

const EVERY_MS = 20_000;
const SAMPLES = 180;

/** Tasks of one spool. */
export interface SpoolSample {
  readonly ready: number;
  readonly deferred: number;
  readonly running: number;
  readonly failed: number;
  /** In the minute before. */
  readonly in: number;
  readonly out: number;
}

export interface HourSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly spools: ReadonlyMap<string, SpoolSample>;
}

export interface HourSeriesOptions {
  readonly clock: Clock;
  snapshot(): Promise<ProgramSnapshot>;
}

export class HourSeries {
  readonly #options: HourSeriesOptions;
  readonly #samples: HourSample[] = [];
  #cancel: Cancel | null = null;

  constructor(options: HourSeriesOptions) {
    this.#options = options;
  }

  /** The oldest first. */
  get samples(): readonly HourSample[] {
    return this.#samples;
  }

  run(isWanted: boolean): void {
    if (isWanted === (this.#cancel !== null)) return;
    if (isWanted) return this.#wait(0);
    this.#cancel?.();
    this.#cancel = null;
    this.#samples.length = 0;
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#wait(EVERY_MS);
      // What cannot be known now has no sample.
      this.#options.snapshot().then((snapshot) => this.#add(snapshot)).catch(() => {});
    });
  }

  #add({ at, spools }: ProgramSnapshot): void {
    if (this.#cancel === null) return;
    const samples = spools.flatMap(({ name, counts, lastMinuteIn, lastMinuteOut }) => {
      if (counts === null) return [];
      const { ready, deferred, running, failed } = counts;
      const sample = { ready, deferred, running, failed, in: lastMinuteIn, out: lastMinuteOut };
      return [[name, sample] as const];
    });
    this.#samples.push({ at, spools: new Map(samples) });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }
}
