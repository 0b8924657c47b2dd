/**
 * Runs the scheduled commands at their times: one timer to the next due job, none in between.
 */

import type { ScheduleConfig, When } from "../config/config.ts";
import { exitText, runShell } from "../exec/process.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import { localMinute, matches } from "./cron.ts";

const MINUTE_MS = 60_000;
/** The longest a cron job can be away: a leap day, across a century that has none. */
const HORIZON_MINUTES = 8 * 366 * 24 * 60;

/**
 * The first time after `after` at which a job is due, in milliseconds since the epoch; Infinity for
 * a cron line that never matches.
 */
export function nextTime(when: When, after: number): number {
  switch (when.kind) {
    case "every":
      return after + when.everyMs;
    case "cron": {
      let at = (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS;
      for (let i = 0; i < HORIZON_MINUTES; i++, at += MINUTE_MS) {
        if (matches(when.spec, localMinute(at))) return at;
      }
      return Infinity;
    }
    default:
      return when satisfies never;
  }
}

export interface TickerOptions {
  readonly schedules: readonly ScheduleConfig[];
  /** Where commands run. */
  readonly cwd: string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Aborted when running jobs must be broken off. */
  readonly abort: AbortSignal;
}

interface Job {
  readonly schedule: ScheduleConfig;
  dueAt: number;
}

export class Ticker {
  readonly #options: TickerOptions;
  readonly #jobs: Job[];
  readonly #running = new Map<Job, Promise<void>>();
  #cancelTimer: Cancel = () => {};
  #stopped = false;

  constructor(options: TickerOptions) {
    this.#options = options;
    const now = options.clock.now();
    this.#jobs = options.schedules.map((schedule) => ({
      schedule,
      dueAt: nextTime(schedule.when, now),
    }));
  }

  get running(): number {
    return this.#running.size;
  }

  start(): void {
    const { clock } = this.#options;
    const dueAt = Math.min(...this.#jobs.map((job) => job.dueAt));
    if (this.#stopped || dueAt === Infinity) return;
    this.#cancelTimer = clock.after(dueAt - clock.now(), () => this.#tick());
  }

  /** Starts no more jobs; resolves when those that run have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await Promise.all(this.#running.values());
  }

  #tick(): void {
    const { clock, emit } = this.#options;
    const now = clock.now();
    for (const job of this.#jobs) {
      if (job.dueAt > now) continue;
      job.dueAt = nextTime(job.schedule.when, now);
      if (this.#running.has(job)) {
        emit({ type: "job.skipped", job: job.schedule.name, reason: "it is still running" });
      } else {
        this.#running.set(job, this.#run(job).finally(() => this.#running.delete(job)));
      }
    }
    this.start();
  }

  async #run({ schedule }: Job): Promise<void> {
    const { clock, emit, cwd, abort } = this.#options;
    const job = schedule.name;
    emit({ type: "job.started", job });
    const startedAt = clock.monotonic();
    const { exit } = await runShell({
      command: schedule.command,
      cwd,
      env: { SPOOLER_JOB: job },
      harakiriMs: null,
      signal: abort,
      output: (stream, line) => emit({ type: "job.output", job, stream, line }),
      clock,
    });
    const tookMs = clock.monotonic() - startedAt;
    const ok = exit.kind === "code" && exit.code === 0;
    emit({ type: "job.ended", job, exit: exitText(exit), ok, tookMs });
  }
}
