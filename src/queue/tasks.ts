/**
 * The one table of the tasks of a spool: what each is now, in which order they start, and who has what.
 * Nothing else in the program remembers tasks. Every change goes through {@link next}.
 *
 * This file is longer than 300 lines because each index of the table is asked through it. @pure
 */

import type { Executor } from "../exec/executor.ts";
import type { ReachedLimit } from "../report/snapshot.ts";
import { taskId } from "../spool/layout.ts";
import type { RunningBatch } from "../spool/running.ts";
import type { SeenTask } from "../spool/task.ts";
import { Assignments } from "./assignments.ts";
import { HandlerLimits } from "./handler_limits.ts";
import { next } from "./next_state.ts";
import { Order } from "./order.ts";
import { Shares, type SortedTask, type WaitingForLimit } from "./shares.ts";
import { CROWDED_OUT, DUE, type TaskEvent } from "./task_event.ts";
import type { TaskShare } from "./task_limits.ts";
import type {
  HeldElsewhere,
  Ready,
  StateKind,
  Stuck,
  TaskHolder,
  TaskState,
  Unusable,
} from "./task_state.ts";

/** Called for every change, with the event that caused it. */
export type Observe = (
  id: string,
  before: TaskState | null,
  event: TaskEvent,
  after: TaskState | null,
) => void;

export class Tasks {
  readonly #states = new Map<string, TaskState>();
  readonly #counts: Record<StateKind, number> = {
    recorded: 0,
    ready: 0,
    deferred: 0,
    postponed: 0,
    limited: 0,
    held: 0,
    unusable: 0,
    running: 0,
    handed: 0,
    settling: 0,
    stuck: 0,
  };
  readonly #order = new Order((task) => this.#states.get(taskId(task)) === task);
  readonly #limits = new HandlerLimits();
  /** Null where tasks start in their order alone. */
  readonly #shares: Shares | null;
  /** Ids of the tasks that are held or unusable. */
  readonly #leftAlone = new Set<string>();
  readonly #postponed = new Set<string>();
  readonly #stuck = new Set<string>();
  readonly #assignments = new Assignments();
  #horizon = Infinity;
  #forgotten: ((id: string) => void) | null = null;
  /** Grows whenever a task is started or handed to a worker. */
  starts = 0;

  /**
   * @param capacity how many ready tasks it holds, and how many deferred ones besides
   * @param hasShares ready tasks are to be sorted, and start by turns
   */
  constructor(
    private readonly capacity = Infinity,
    private readonly observe?: Observe,
    hasShares = false,
  ) {
    const isCurrent = (task: Ready) => this.#states.get(taskId(task)) === task;
    this.#shares = hasShares ? new Shares(isCurrent) : null;
  }

  /** Calls back for each task that is not known any more. */
  whenForgotten(forgotten: (id: string) => void): void {
    this.#forgotten = forgotten;
  }

  get(id: string): TaskState | undefined {
    return this.#states.get(id);
  }

  get size(): number {
    return this.#states.size;
  }

  count(kind: StateKind): number {
    return this.#counts[kind];
  }

  /**
   * From this time on (milliseconds since the epoch) deferred tasks may be due that it had no room for:
   * by then the directory is to be scanned again. Infinity when it has them all.
   */
  get horizon(): number {
    return this.#horizon;
  }

  /** Before a scan of the whole directory. */
  forgetHorizon(): void {
    this.#horizon = Infinity;
  }

  /**
   * A task was found, or found with another due time.
   *
   * @returns false when there is no room for it: the directory is to be scanned again, soon
   */
  see(task: SeenTask, now: number): boolean {
    const id = taskId(task);
    const before = this.#states.get(id) ?? null;
    const kind = before?.kind;
    if (task.dueAt > now && task.dueAt >= this.#horizon) {
      if (kind === "ready" || kind === "deferred") this.#change(id, before, CROWDED_OUT);
      return true;
    }
    const isNew = kind === undefined || kind === "recorded";
    if (isNew && task.dueAt <= now && this.#counts.ready >= this.capacity) return false;
    this.#change(id, before, { type: "seen", task, now });
    return true;
  }

  /**
   * Something happened to a task. The only way in which anything here changes.
   *
   * @throws {TypeError} when it cannot have happened
   */
  apply(id: string, event: TaskEvent): void {
    this.#change(id, this.#states.get(id) ?? null, event);
  }

  #change(id: string, before: TaskState | null, event: TaskEvent): void {
    const after = next(before, event);
    if (after === before) return;
    if (after === null) this.#states.delete(id);
    else this.#states.set(id, after);
    if (event.type === "claimed" && isSorted(before)) this.#shares?.took(before);
    // In this order a batch does not seem to end when one of its tasks only changes.
    if (after !== null) this.#enter(id, after);
    if (before !== null) this.#leave(before, id);
    this.observe?.(id, before, event, after);
    if (after === null) this.#forgotten?.(id);
    if (this.#laterCount > this.capacity) this.#crowdOut();
  }

  /** Tasks that wait for a time. */
  get #laterCount(): number {
    return this.#counts.deferred + this.#counts.postponed;
  }

  /** Deferred tasks whose time has come are ready. */
  wake(now: number): void {
    while (true) {
      const deferred = this.#order.firstLater();
      if (deferred === undefined || deferred.dueAt > now) return;
      this.apply(taskId(deferred), DUE);
    }
  }

  /** The task to start now. It stays ready until something happens to it. */
  firstReady(now: number): Ready | undefined {
    this.wake(now);
    return this.#shares === null ? this.#order.firstReady() : this.#shares.first();
  }

  /** Where there are shares: the ready task to be read next, to find out whose it is. */
  firstUnsorted(): Ready | undefined {
    return this.#shares === null ? undefined : this.#order.firstReady();
  }

  /** It is known now whose task it is. */
  sort(id: string, share: TaskShare): void {
    this.apply(id, { type: "sorted", share: this.#shares?.known(share) ?? share });
  }

  /** Tasks that wait for others of their share, or of their function, to end. */
  waitingForLimits(): WaitingForLimit[] {
    return this.#shares?.waiting() ?? [];
  }

  /** The limit that a ready task waits for; null when none holds it, or it is not known yet whose it is. */
  limitOf(id: string): ReachedLimit | null {
    const task = this.#states.get(id);
    return task !== undefined && isSorted(task) ? this.#shares?.limitOf(task) ?? null : null;
  }

  /** @see Order.oldestReadyAt */
  oldestReadyAt(): number | undefined {
    const times = [this.#order.oldestReadyAt(), this.#shares?.oldestAt()];
    const least = Math.min(...times.map((at) => at ?? Infinity));
    return least === Infinity ? undefined : least;
  }

  /** When the earliest deferred task is due, in milliseconds since the epoch. */
  nextDueAt(): number | undefined {
    return this.#order.firstLater()?.dueAt;
  }

  /** Whether a scan need not stat its file. */
  isInView(id: string, now: number): boolean {
    const state = this.#states.get(id);
    switch (state?.kind) {
      case "ready":
      case "limited":
      case "stuck":
      case "running":
      case "handed":
      case "settling":
        return true;
      case "deferred":
        return state.dueAt <= now;
      case undefined:
      case "recorded":
      case "postponed":
      case "held":
      case "unusable":
        return false;
      default:
        return state satisfies never;
    }
  }

  /** Tasks that are held or unusable. */
  leftAlone(): (HeldElsewhere | Unusable)[] {
    return [...this.#leftAlone].map((id) => this.#states.get(id) as HeldElsewhere | Unusable);
  }

  /** Tasks that have run, and whose fate is still to be written. */
  stuck(): Stuck[] {
    return [...this.#stuck].map((id) => this.#states.get(id) as Stuck);
  }

  /** Whatever they were postponed for may have changed. */
  endPostponements(): void {
    for (const id of [...this.#postponed]) this.apply(id, DUE);
  }

  /** How many runs of a handler count for its limit. */
  runsOf(handler: Executor): number {
    return this.#limits.runsOf(handler);
  }

  /** The task that waits longest for a run of this handler to end. */
  firstLimited(handler: Executor): string | undefined {
    return this.#limits.firstWaiting(handler);
  }

  /** Ids that a worker was handed and has not answered, in order. */
  unanswered(worker: TaskHolder): ReadonlySet<string> {
    return this.#assignments.unanswered(worker);
  }

  /** Workers that have something to answer. */
  get busyWorkers(): number {
    return this.#assignments.busyWorkers;
  }

  /** Whatever it said: it has this task no longer. */
  answered(worker: TaskHolder, id: string): void {
    this.#assignments.answered(worker, id);
  }

  /** Notes of the batches that ended since this was asked last. */
  takeEndedNotes(): readonly RunningBatch[] {
    return this.#assignments.takeEndedNotes();
  }

  #leave(state: TaskState, id: string): void {
    this.#counts[state.kind]--;
    switch (state.kind) {
      case "limited":
        return this.#limits.waitsNoMore(state.handler, id);
      case "running":
        this.#shares?.ended(state.limits);
        return this.#limits.ended(state.handler);
      case "ready":
        if (this.#shares && isSorted(state)) return this.#shares.remove(state);
        return this.#order.removeReady(state);
      case "deferred":
        return this.#order.removeLater(state);
      case "postponed":
        // One that is postponed again was ready before.
        this.#postponed.delete(id);
        return this.#order.removeLater(state);
      case "stuck":
        this.#stuck.delete(id);
        return;
      case "held":
      case "unusable":
        this.#leftAlone.delete(id);
        return;
      case "handed":
        this.#assignments.remove(state);
    }
  }

  #enter(id: string, state: TaskState): void {
    this.#counts[state.kind]++;
    if (state.kind === "running" || state.kind === "handed") this.starts++;
    switch (state.kind) {
      case "ready":
        if (this.#shares && isSorted(state)) return this.#shares.add(state);
        return this.#order.addReady(state);
      case "deferred":
        return this.#order.addLater(state);
      case "postponed":
        this.#postponed.add(id);
        return this.#order.addLater(state);
      case "stuck":
        this.#stuck.add(id);
        return;
      case "limited":
        return this.#limits.waits(state.handler, id);
      case "running":
        this.#shares?.began(state.limits);
        return this.#limits.began(state.handler);
      case "held":
      case "unusable":
        this.#leftAlone.add(id);
        return;
      case "handed":
        this.#assignments.add(id, state);
    }
  }

  /** Of too many deferred tasks those that are due first are kept. */
  #crowdOut(): void {
    const later = this.#order.laterHalf();
    this.#horizon = Math.min(this.#horizon, later[0]?.dueAt ?? Infinity);
    for (const task of later) this.apply(taskId(task), CROWDED_OUT);
  }
}

function isSorted(state: TaskState | null): state is SortedTask {
  return state?.kind === "ready" && state.share !== null;
}
