/**
 * The schedules of a program: remembers, waits, admits and runs, from start to stop.
 *
 * What is due goes through four places, in this order: the ticker finds it, the state file records
 * its slot, the overlap policies admit it, and it runs.
 */

import type { ScheduleConfig } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import { type JobWorld, runJob } from "./job_run.ts";
import type { LastRun } from "./record.ts";
import { rhythmOf, ZoneCache } from "./rhythm.ts";
import { Runs } from "./runs.ts";
import { StateFile } from "./state_file.ts";
import { type DueJob, Ticker, timeOf } from "./ticker.ts";

export interface SchedulerOptions {
  readonly jobs: readonly ScheduleConfig[];
  /** The state file. */
  readonly statePath: string;
  readonly host: string;
  /** Names the present start of the machine. */
  readonly boot: string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** All that jobs touch, but for the end of waits, which is decided here. */
  readonly world: Omit<JobWorld, "stopping">;
  /** Aborted when what runs must be broken off. */
  readonly abort: AbortSignal;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #state: StateFile;
  readonly #runs: Runs;
  readonly #world: JobWorld;
  readonly #stopping = new AbortController();
  readonly #batches = new Set<Promise<void>>();
  #ticker: Ticker<ScheduleConfig> | null = null;

  constructor(options: SchedulerOptions) {
    const { statePath, clock, emit, abort, world } = options;
    this.#options = options;
    this.#world = { ...world, stopping: this.#stopping.signal };
    this.#state = new StateFile({
      path: statePath,
      clock,
      warn: (message) => emit({ type: "schedule.warning", message }),
    });
    const run = (...args: [ScheduleConfig, number, AbortSignal]) => this.#run(...args);
    this.#runs = new Runs({ run, emit, abort });
  }

  /** How many jobs run. */
  get running(): number {
    return this.#runs.running;
  }

  /** Begins, as soon as no other program has the state file; resolves then. */
  async start(): Promise<void> {
    const { jobs, emit, statePath, clock, host, boot } = this.#options;
    if (jobs.length === 0) return;
    await this.#state.open(() => {
      const message = `another program runs the schedules of ${statePath}; they wait for its end`;
      emit({ type: "schedule.warning", message });
    });
    if (this.#stopping.signal.aborted) return;
    const zones = new ZoneCache();
    const time = timeOf(clock);
    this.#ticker = new Ticker({
      jobs: jobs.map((job) => {
        const record = this.#state.get(job.id);
        const remembered = record === null ? null : { slot: record.slotAt, boot: record.boot };
        return { job, rhythm: rhythmOf(job, remembered, { host, boot, zones }, time) };
      }),
      clock,
      due: (found) => {
        const batch = this.#begin(found).finally(() => this.#batches.delete(batch));
        this.#batches.add(batch);
      },
    });
    this.#ticker.start();
  }

  /** Starts nothing more, waits for what runs, and lets go of the state file. */
  async stop(): Promise<void> {
    this.#ticker?.stop();
    this.#stopping.abort();
    await Promise.all(this.#batches);
    await this.#runs.stop();
    await this.#state.close();
  }

  /** All that is due at once is recorded with one write, and then starts. */
  async #begin(found: readonly DueJob<ScheduleConfig>[]): Promise<void> {
    for (const { job, due } of found) {
      const record = this.#state.get(job.id);
      const { boot } = this.#options;
      const { name } = job;
      this.#state.set(job.id, { name, boot, slotAt: due.slot, run: record?.run ?? null });
    }
    if (found.some(({ durable }) => durable)) await this.#state.commit();
    else this.#state.saveSoon();

    for (const { job, due } of found) {
      if (due.missed > 0) {
        const { missed, slot } = due;
        this.#options.emit({ type: "job.missed", job: job.name, missed, until: slot });
      }
      if (due.kind === "run") this.#offer(job, due.slot);
    }
  }

  #offer(job: ScheduleConfig, slot: number): void {
    const { action } = job;
    if (action.kind === "signal" && !this.#world.signals.has(action.signal)) {
      this.#runs.skip(job, `signal ${action.signal} has no handler in task code`);
    } else {
      this.#runs.offer(job, slot);
    }
  }

  async #run(job: ScheduleConfig, slotAt: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const startedAt = clock.now();
    const begun: LastRun = { slotAt, startedAt, endedAt: null, result: null, ok: null, pid: null };
    this.#note(job, begun);
    const ended = await runJob(job, slotAt, this.#world, signal, (pid) => {
      this.#note(job, { ...begun, pid });
    });
    this.#note(job, { ...begun, endedAt: clock.now(), ...ended });
  }

  #note(job: ScheduleConfig, run: LastRun): void {
    const record = this.#state.get(job.id);
    // A run that began earlier and ends later says nothing new of an overlapping job.
    if (record === null || (record.run?.startedAt ?? 0) > run.startedAt) return;
    this.#state.set(job.id, { ...record, run });
    this.#state.saveSoon();
  }
}
