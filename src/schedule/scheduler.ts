/**
 * The schedules of a program: remembers, waits, admits and runs, from start to stop.
 *
 * What is due goes through four places, in this order: the ticker finds it, the state file records
 * its slot, the overlap policies admit it, and it runs.
 *
 * The jobs of the ini are there from the start. Task code brings more while the program runs
 * (register): what several owners register is one set of jobs. A job that is in the old set and in
 * the new one goes on undisturbed: it keeps its rhythm, its iterations and its streak of skips.
 *
 * This file is longer than 300 lines because all that a job passes meets here.
 */

import { isDeepStrictEqual } from "node:util";
import type { ScheduleConfig } from "./settings.ts";
import { apart } from "../platform/apart.ts";
import type { Clock } from "../platform/clock.ts";
import { type Problem, problemText } from "../platform/problem.ts";
import type { KillOrder } from "../exec/kill_order.ts";
import type { Zone } from "../platform/zone.ts";
import type { Emit } from "../report/event.ts";
import { Once } from "../report/once.ts";
import type { JobSnapshot } from "../report/snapshot.ts";
import { actionText } from "./action.ts";
import type { Admission } from "./admission.ts";
import { ClusterSlots, type SlotClaims } from "./cluster_slots.ts";
import type { Rhythm, Time } from "./due.ts";
import { type JobWorld, runJob } from "./job_run.ts";
import { jobSnapshot } from "./job_snapshot.ts";
import { type LastRun, startedRun } from "./record.ts";
import { registeredJobs, type Registration } from "./registration.ts";
import { rhythmOf, timesOf } from "./rhythm.ts";
import { type RunJob, Runs } from "./runs.ts";
import { StateFile } from "./state_file.ts";
import { type DueJob, type TickedJob, Ticker, timeOf } from "./ticker.ts";

export interface SchedulerOptions {
  /** Those of the ini. */
  readonly jobs: readonly ScheduleConfig[];
  /**
   * Whose registrations count, in the order in which they are preferred for what several register.
   */
  readonly owners: readonly string[];
  /** Of cron jobs that task code registers. */
  readonly zone: Zone;
  /** Of cron jobs that task code registers; null is without end. */
  readonly cronHarakiriMs: number | null;
  /** A command for when a job that task code registers has failed. */
  readonly onFailure: string | null;
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
  /** Where slots of jobs with `once=cluster` are claimed; null where there is no such job. */
  readonly claims: SlotClaims | null;
}

export class Scheduler {
  #options: SchedulerOptions;
  readonly #state: StateFile;
  readonly #runs: Runs;
  readonly #clusterSlots: ClusterSlots;
  #world: JobWorld;
  readonly #stopping = new AbortController();
  readonly #batches = new Set<Promise<void>>();
  readonly #ticker: Ticker<ScheduleConfig>;
  /** What the code of each owner has registered. */
  readonly #registered = new Map<string, readonly Registration[]>();
  #registeredJobs: readonly ScheduleConfig[] = [];
  /** Each worker of each spool registers the same, and after each restart. */
  readonly #complaints = new Once();
  /** The jobs of the ticker, by id. */
  #watched: ReadonlyMap<string, TickedJob<ScheduleConfig>> = new Map();
  #started = false;
  #opening: Promise<void> | null = null;

  constructor(options: SchedulerOptions) {
    const { statePath, clock, emit, abort, world } = options;
    this.#options = options;
    this.#world = { ...world, stopping: this.#stopping.signal };
    this.#state = new StateFile({
      path: statePath,
      clock,
      warn: (message) => emit({ type: "schedule.warning", message }),
    });
    // Its unexpected error ends this run, and nothing that waits for its end.
    const run: RunJob = (...args) => this.#run(...args).catch(reportError);
    this.#runs = new Runs({ run, emit, abort });
    this.#clusterSlots = new ClusterSlots({
      ...{ clock, emit, stopping: this.#stopping.signal },
      run: (job, slot) => {
        // It may have gone meanwhile: then the slot is lost, as it is another machine's no more.
        const current = this.#watched.get(job.id)?.job ?? job;
        apart(() => void this.#offer(current, slot));
      },
    });
    this.#ticker = new Ticker({
      clock,
      due: (found) => {
        const batch = this.#begin(found).finally(() => this.#batches.delete(batch));
        this.#batches.add(batch);
      },
    });
  }

  /** How many jobs run. */
  get running(): number {
    return this.#runs.running;
  }

  /** Each job, how it went and when it comes next. */
  snapshot(): Omit<JobSnapshot, "lastSuccessAt">[] {
    const about = { host: this.#options.host, now: this.#options.clock.now() };
    return this.lastSlots().map(([job, last]) => {
      return jobSnapshot(job, this.#state.lastRun(job.id), this.#runs.countsOf(job.id), {
        ...about,
        last,
      });
    });
  }

  /** Each job, with the last time at which it was due. */
  lastSlots(): (readonly [ScheduleConfig, number | null])[] {
    return this.#jobs().map((job) => [job, this.#state.get(job.id)?.slotAt ?? null]);
  }

  /** Begins, as soon as no other program has the state file; resolves then. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#watch();
  }

  /**
   * Goes on with the jobs of another ini: those in both go on undisturbed, what runs ends in the world in
   * which it began. Jobs of task code stay until they are registered anew, or {@link keepOwners} forgets them.
   */
  async use(
    changes: Pick<
      SchedulerOptions,
      "jobs" | "owners" | "zone" | "cronHarakiriMs" | "onFailure" | "world" | "claims"
    >,
  ): Promise<void> {
    const { jobs: before, claims } = this.#options;
    if (claims !== changes.claims) claims?.close();
    this.#options = { ...this.#options, ...changes };
    this.#world = { ...changes.world, stopping: this.#stopping.signal };
    const ids = new Set(changes.jobs.map(({ id }) => id));
    for (const { id } of before) {
      if (ids.has(id)) continue;
      this.#runs.forget(id);
      this.#clusterSlots.forget(id);
    }
    if (this.#started) await this.#watch();
  }

  /** Forgets the jobs of all other owners: their code is not loaded any more. */
  async keepOwners(owners: ReadonlySet<string>): Promise<void> {
    for (const owner of this.#registered.keys()) {
      if (!owners.has(owner)) this.#registered.delete(owner);
    }
    await this.#useRegistered();
  }

  /**
   * Replaces the jobs that the code of an owner has registered: those that stay go on undisturbed, those
   * that are gone start no more. What cannot be a job is logged once. Resolves when the jobs are watched.
   *
   * @param owner the name of a spool, in whose workers the handlers are
   */
  async register(owner: string, registrations: readonly Registration[]): Promise<void> {
    if (!this.#options.owners.includes(owner)) return;
    this.#registered.set(owner, registrations);
    await this.#useRegistered();
  }

  async #useRegistered(): Promise<void> {
    const { owners, zone, cronHarakiriMs, onFailure, emit } = this.#options;
    // Owners of the ini before come last, until they are forgotten.
    const rank = (owner: string) => owners.includes(owner) ? owners.indexOf(owner) : owners.length;
    const sets = [...this.#registered].map(([owner, registrations]) => ({ owner, registrations }))
      .sort((a, b) => rank(a.owner) - rank(b.owner));
    const { jobs, refused } = registeredJobs(sets, owners, { zone, cronHarakiriMs, onFailure });
    for (const problem of refused) this.#complain(problem);
    const before = new Set(this.#registeredJobs.map(({ id }) => id));
    this.#registeredJobs = jobs;
    for (const { id, name, whenText, action } of jobs) {
      if (before.delete(id)) continue;
      emit({ type: "schedule.loaded", name, text: whenText, command: actionText(action) });
    }
    for (const id of before) this.#runs.forget(id);
    if (this.#started) await this.#watch();
  }

  #complain(problem: Problem): void {
    const message = `${problemText(problem)}; it never runs`;
    const isNews = this.#complaints.isFirst(message);
    if (isNews) this.#options.emit({ type: "schedule.warning", message });
  }

  /** Gives the ticker the jobs of now. */
  async #watch(): Promise<void> {
    // Without a job there is no state to keep.
    if (this.#jobs().length === 0 && this.#opening === null) return;
    await (this.#opening ??= this.#open());
    if (this.#stopping.signal.aborted) return;
    const time = timeOf(this.#options.clock);
    const watched = this.#jobs().map((job) => ({ job, rhythm: this.#rhythmOf(job, time) }));
    this.#watched = new Map(watched.map((each) => [each.job.id, each]));
    this.#ticker.watch(watched);
  }

  #jobs(): ScheduleConfig[] {
    return [...this.#options.jobs, ...this.#registeredJobs];
  }

  async #open(): Promise<void> {
    const { emit, statePath } = this.#options;
    await this.#state.open(() => {
      const message = `another program runs the schedules of ${statePath}; they wait for its end`;
      emit({ type: "schedule.warning", message });
    });
  }

  /** The one it has, as long as it is due at the same times. */
  #rhythmOf(job: ScheduleConfig, time: Time): Rhythm {
    const known = this.#watched.get(job.id);
    if (known !== undefined && isDeepStrictEqual(timesOf(known.job), timesOf(job))) {
      return known.rhythm;
    }
    const { host, boot } = this.#options;
    const record = this.#state.adopt(job.id, job.formerIds);
    const remembered = record === null ? null : { slot: record.slotAt, boot: record.boot };
    return rhythmOf(job, remembered, { host, boot }, time);
  }

  /** Starts nothing more, waits for what runs, and lets go of the state file. */
  async stop(): Promise<void> {
    this.#ticker.stop();
    this.#stopping.abort();
    await Promise.all(this.#batches);
    // What this machine has claimed nobody else runs.
    await this.#clusterSlots.answered();
    this.#options.claims?.close();
    await this.#runs.stop();
    await this.#state.close();
  }

  /** All that is due at once is recorded with one write, and then starts. */
  async #begin(found: readonly DueJob<ScheduleConfig>[]): Promise<void> {
    for (const { job, due } of found) {
      const { run = null } = this.#state.get(job.id) ?? {};
      this.#state.set(job.id, { name: job.name, boot: this.#options.boot, slotAt: due.slot, run });
    }
    if (found.some(({ durable }) => durable)) await this.#state.commit();
    else this.#state.saveSoon();

    for (const { job, due } of found) {
      // What this machine has missed of a job that machines share, another one may have run.
      if (due.missed > 0 && job.once === null) {
        const { missed, slot: until } = due;
        this.#options.emit({ type: "job.missed", job: job.name, missed, until });
      }
      // It may have gone while its slot was written.
      const current = this.#watched.get(job.id)?.job;
      if (due.kind === "run" && current !== undefined) this.#due(current, due.slot);
    }
  }

  #due(job: ScheduleConfig, slot: number): void {
    const { claims } = this.#options;
    if (job.once === "claim" && claims !== null) this.#clusterSlots.due(job, slot, claims);
    else apart(() => void this.#offer(job, slot));
  }

  #offer(job: ScheduleConfig, slot: number): Admission {
    const { action } = job;
    if (action.kind === "signal" && !this.#world.signals.has(action.signal, action.owner)) {
      return this.#runs.skip(job, `signal ${action.signal} has no handler in task code`);
    }
    return this.#runs.offer(job, slot);
  }

  /**
   * Starts a job now, as if it were due: its overlap policy holds, its next slots stay as they are.
   *
   * @returns undefined when no job has that name
   */
  runNow(name: string): Admission | undefined {
    const watched = [...this.#watched.values()].find(({ job }) => job.name === name);
    return watched && this.#offer(watched.job, this.#options.clock.now());
  }

  /** See {@link Runs.kill}. */
  async kill(name: string, order: KillOrder): Promise<number> {
    return await this.#runs.kill(name, order);
  }

  async #run(...[offered, slotAt, signal, begun]: Parameters<RunJob>): Promise<void> {
    const { clock } = this.#options;
    // What waited for its turn may have been registered anew meanwhile, with another signal.
    const job = this.#watched.get(offered.id)?.job ?? offered;
    let run: LastRun | null = null;
    const note = (news: Partial<LastRun>) =>
      this.#state.noteRun(job.id, run = { ...run ?? startedRun(slotAt, clock.now()), ...news });
    const ended = await runJob(job, slotAt, this.#world, signal, {
      begun() {
        begun();
        note({});
      },
      started: (pid) => note({ pid }),
    });
    note({ endedAt: clock.now(), ...ended });
  }
}
