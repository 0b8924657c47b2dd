/**
 * Which jobs run: admits what is due by the overlap policies and groups, keeps what waits, and says
 * a streak of skips once at its start and once, with its count, at its end.
 *
 * @pure
 */

import type { ScheduleConfig } from "./settings.ts";
import type { Emit } from "../report/event.ts";
import { type KillOrder, killOrderOf } from "../exec/kill_order.ts";
import { type Admission, admit } from "./admission.ts";

/**
 * Runs a job for a slot to its end; never rejects.
 *
 * @param begun is called when it no longer waits for a worker that is free
 */
export type RunJob = (
  job: ScheduleConfig,
  slot: number,
  signal: AbortSignal,
  begun: () => void,
) => Promise<void>;

export interface RunsOptions {
  readonly run: RunJob;
  readonly emit: Emit;
  /** Aborted when what runs must be broken off. */
  readonly abort: AbortSignal;
}

/** Why a run was broken off though the program goes on. */
export const REPLACED = "replaced by its next slot";

interface RunOfJob {
  readonly controller: AbortController;
  hasBegun: boolean;
  end: Promise<void>;
}

interface JobRuns {
  /** As it was offered last. */
  job: ScheduleConfig;
  /** Those that have begun, and those that wait for a worker. */
  readonly running: Set<RunOfJob>;
  /** The slot that starts when there is room. */
  waiting: number | null;
  /** Slots skipped since the last start. */
  skipped: number;
}

export class Runs {
  readonly #options: RunsOptions;
  /** By the id of the job, in the order in which they came to wait last. */
  readonly #places = new Map<string, JobRuns>();
  readonly #ends = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** How many runs go on. */
  get running(): number {
    return this.#ends.size;
  }

  /** How many runs of this job have begun and go on, and how many wait for a worker. */
  countsOf(id: string): { running: number; waiting: number } {
    const place = this.#places.get(id);
    if (place === undefined) return { running: 0, waiting: 0 };
    const running = begunIn(place);
    return { running, waiting: place.running.size - running };
  }

  /**
   * Ends what runs of the jobs of this name; resolves when it is over.
   *
   * @returns how many runs that were
   */
  async kill(name: string, order: KillOrder): Promise<number> {
    const places = [...this.#places.values()].filter(({ job }) => job.name === name);
    const runs = places.flatMap(({ running }) => [...running]);
    for (const { controller } of runs) controller.abort(order);
    await Promise.all(runs.map(({ end }) => end));
    return runs.length;
  }

  /** A slot of a job is due. @returns what came of that */
  offer(job: ScheduleConfig, slot: number): Admission {
    const place = this.#placeOf(job);
    const admission = admit(job.overlap, {
      running: place.running.size,
      begun: begunIn(place),
      waiting: place.waiting !== null,
      groupBusy: this.#groupBusy(job),
      inGroup: job.group !== null,
    });
    switch (admission.kind) {
      case "start":
        return this.#start(place, slot)?.hasBegun === false ? { kind: "wait" } : admission;
      case "skip":
        this.#skip(place, admission.reason);
        return admission;
      case "wait":
        this.#wait(place, slot);
        return admission;
      case "replace":
        this.#wait(place, slot);
        for (const { controller } of place.running) controller.abort(REPLACED);
        return admission;
      default:
        return admission satisfies never;
    }
  }

  /** A slot was dropped elsewhere, for a reason that counts as a skip. */
  skip(job: ScheduleConfig, reason: string): Admission {
    this.#skip(this.#placeOf(job), reason);
    return { kind: "skip", reason };
  }

  /** There is no such job any more: what runs of it ends by itself, what waits does not start. */
  forget(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    place.waiting = null;
    if (place.running.size === 0) this.#places.delete(id);
  }

  /** Starts nothing more; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#ends);
  }

  #placeOf(job: ScheduleConfig): JobRuns {
    let place = this.#places.get(job.id);
    if (place === undefined) {
      place = { job, running: new Set(), waiting: null, skipped: 0 };
      this.#places.set(job.id, place);
    }
    place.job = job;
    return place;
  }

  #groupBusy({ group, ...job }: ScheduleConfig): boolean {
    return group !== null &&
      [...this.#places.values()].some((other) =>
        other.job.group === group && other.job.id !== job.id && other.running.size > 0
      );
  }

  #wait(place: JobRuns, slot: number): void {
    if (place.waiting !== null) this.#skip(place, "a later slot takes its place in the queue");
    else this.#toTheEnd(place);
    place.waiting = slot;
  }

  #toTheEnd(place: JobRuns): void {
    this.#places.delete(place.job.id);
    this.#places.set(place.job.id, place);
  }

  #skip(place: JobRuns, reason: string): void {
    place.skipped++;
    if (place.skipped === 1) {
      this.#options.emit({ type: "job.skipped", job: place.job.name, reason });
    }
  }

  #start(place: JobRuns, slot: number): RunOfJob | undefined {
    if (this.#stopped) return;
    const { run, emit, abort } = this.#options;
    if (place.skipped > 1) {
      emit({ type: "job.resumed", job: place.job.name, skipped: place.skipped });
    }
    place.skipped = 0;
    const controller = new AbortController();
    const started: RunOfJob = { controller, hasBegun: false, end: Promise.resolve() };
    place.running.add(started);
    const signal = AbortSignal.any([abort, controller.signal]);
    const begun = () => void (started.hasBegun = true);
    const end = run(place.job, slot, signal, begun).finally(() => {
      place.running.delete(started);
      this.#ends.delete(end);
      if (killOrderOf(controller.signal)?.fate === "retry") this.#start(place, slot);
      this.#startWaiting();
    });
    started.end = end;
    this.#ends.add(end);
    return started;
  }

  /** A run has ended: the job that waited longest for its place starts. */
  #startWaiting(): void {
    for (const place of [...this.#places.values()]) {
      if (place.waiting === null || place.running.size > 0 || this.#groupBusy(place.job)) continue;
      const slot = place.waiting;
      place.waiting = null;
      this.#start(place, slot);
    }
  }
}

function begunIn({ running }: JobRuns): number {
  return [...running].filter(({ hasBegun }) => hasBegun).length;
}
