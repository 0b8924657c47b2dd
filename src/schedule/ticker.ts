/**
 * One timer for all jobs, set to the next time at which any is due.
 *
 * @pure
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { Due, Rhythm, Time } from "./due.ts";

/** A job that is due, or whose slots were missed. */
export interface DueJob<Job> {
  readonly job: Job;
  readonly due: Exclude<Due, { kind: "no" }>;
  /** Whether its slot must be on disk before it starts. */
  readonly durable: boolean;
}

export interface TickedJob<Job> {
  readonly job: Job;
  readonly rhythm: Rhythm;
}

export interface TickerOptions<Job> {
  readonly clock: Clock;
  /** Called with everything that is due at once; never with nothing. */
  due(jobs: readonly DueJob<Job>[]): void;
}

/** When a job is asked again that could not say whether it is due. */
const AFTER_ERROR_MS = 60_000;

export class Ticker<Job> {
  readonly #options: TickerOptions<Job>;
  #jobs: readonly TickedJob<Job>[] = [];
  #stopped = false;
  #cancel: Cancel = () => {};

  constructor(options: TickerOptions<Job>) {
    this.#options = options;
  }

  /** Checks these jobs from now on: at once, and then whenever something may be due. */
  watch(jobs: readonly TickedJob<Job>[]): void {
    if (this.#stopped) return;
    this.#cancel();
    this.#jobs = jobs;
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #tick(): void {
    const { due } = this.#options;
    const time = timeOf(this.#options.clock);
    const found: DueJob<Job>[] = [];
    let waitMs = Infinity;
    for (const { job, rhythm } of this.#jobs) {
      try {
        const now = rhythm.take(time);
        if (now.kind !== "no") found.push({ job, due: now, durable: rhythm.durable });
        waitMs = Math.min(waitMs, rhythm.wait(time) ?? Infinity);
      } catch (error) {
        // An unexpected error of one job keeps no other from its time.
        reportError(error);
        waitMs = Math.min(waitMs, AFTER_ERROR_MS);
      }
    }
    this.#arm(waitMs);
    if (found.length > 0) due(found);
  }

  #arm(waitMs: number): void {
    if (waitMs === Infinity) return;
    this.#cancel = this.#options.clock.after(
      Math.ceil(Math.max(waitMs, 0)),
      () => this.#tick(),
    );
  }
}

export function timeOf(clock: Clock): Time {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}
