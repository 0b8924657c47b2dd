/**
 * The quick way through a spool: tasks go to workers as names, unread, in batches; the workers claim
 * them, run them, and remove what is done. Only what did not go well comes back to be settled here.
 *
 * A task of which something is remembered (it has failed before, or may be too old) takes the other
 * way: the program claims it, reads it and decides who runs it.
 */

import type { Executor } from "../exec/executor.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import { firstChance } from "../queue/age.ts";
import type { Runner } from "../queue/runner.ts";
import type { Outcome } from "../task/outcome.ts";
import type { Emit } from "../report/event.ts";
import { taskId, type TaskRef } from "../spool/layout.ts";
import type { RunningBatch } from "../spool/running.ts";
import type { ClaimedTask, SeenTask, Store } from "../spool/store.ts";
import { BatchSize } from "./batch.ts";
import type { TaskAnswer } from "./message.ts";
import type { Pool } from "./pool.ts";
import type { TaskWorker, WorkerEnd } from "./task_worker.ts";

export interface LaneOptions {
  /** The spool's name, for the log. */
  readonly name: string;
  readonly pool: Pool;
  /** The pool as a handler among others. */
  readonly executor: Executor;
  readonly runner: Runner;
  readonly store: Store;
  readonly maxAgeMs: number | null;
  /** Tasks start in a strict order. */
  readonly ordered: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** The dispatcher, as the lane needs it. */
export interface LaneHost {
  /** The next task that may start now; undefined when there is none. */
  take(): SeenTask | undefined;
  /** How many tasks wait, roughly. */
  readonly waiting: number;
  /** Tasks that may run at the same time, besides those that run in other ways. */
  readonly slots: number;
  /** Claims and reads a task, and runs it by the handlers that have not yet been asked. */
  claim(task: SeenTask, asked: Executor | undefined): void;
  /** Puts a task back into the queue. */
  enqueue(task: SeenTask): void;
  /** Somebody else has it: it is tried again when there is a reason to. */
  busy(id: string): void;
  /** Starts what can be started. */
  pump(): void;
  /** Something goes on for a task that is not to be started meanwhile. */
  track(id: string, work: Promise<void>): void;
}

interface Handed {
  readonly task: SeenTask;
  /** Workers that have it; more than one when a slow one was helped out. */
  holders: number;
  /** Something about it changed meanwhile. */
  touched: boolean;
  /** How many idle workers have been given it, too. */
  helped: number;
  batch: Batch | null;
}

/** Tasks that were handed over together, and are noted together as running. */
interface Batch {
  readonly note: RunningBatch;
  left: number;
}

/** A worker whose present task takes longer gives some of what it has before it to an idle one. */
const HELP_AFTER_MS = 50;
const MOST_HELP = 3;

export class Lane {
  readonly #options: LaneOptions;
  readonly #host: LaneHost;
  readonly #batch = new BatchSize();
  readonly #handed = new Map<string, Handed>();
  /**
   * Tasks that the program has to look at itself until they are gone, and who has been asked already.
   */
  readonly #mustLook = new Map<string, Executor | undefined>();
  #cancelHelp: Cancel | null = null;

  constructor(options: LaneOptions, host: LaneHost) {
    this.#options = options;
    this.#host = host;
    for (const id of options.store.remembered()) this.#mustLook.set(id, undefined);
    options.pool.listen({
      answered: (worker, answers) => this.#answered(worker, answers),
      ended: (worker, end) => this.#ended(worker, end),
      changed: () => host.pump(),
    });
  }

  /** Tasks can be handed over, now or soon. */
  get isOpen(): boolean {
    return !this.#options.pool.isFailing;
  }

  /** Workers that have tasks of this lane. */
  get busy(): number {
    return this.#options.pool.workers.filter((worker) => this.#isOurs(worker)).length;
  }

  #isOurs(worker: TaskWorker): boolean {
    const [first] = worker.unanswered;
    return first !== undefined && this.#handed.has(first);
  }

  /** A worker has it. */
  has(id: string): boolean {
    return this.#handed.has(id);
  }

  /** Something about a task changed; true when that is noted and nothing else is to be done. */
  touch(id: string): boolean {
    const handed = this.#handed.get(id);
    if (handed === undefined) return false;
    handed.touched = true;
    return true;
  }

  /** A task that the program has claimed is done, or was found to be gone. */
  gone(id: string): void {
    this.#mustLook.delete(id);
  }

  /** Hands out what can be handed out. */
  fill(): void {
    const { pool } = this.#options;
    const open = [...pool.open].sort((a, b) => a.unanswered.size - b.unanswered.size);
    let busy = this.busy;
    let idle = 0;
    for (const worker of open) {
      if (!worker.isBusy && busy >= this.#host.slots) break;
      const wasBusy = worker.isBusy;
      const ids = this.#collect(this.#roomOf(worker, open.length));
      if (ids.length > 0) this.#hand(worker, ids);
      if (!wasBusy && ids.length > 0) busy++;
      if (!wasBusy && ids.length === 0) idle++;
    }
    if (idle > 0) this.#arrangeHelp();
    else if (busy < this.#host.slots) {
      pool.demand(Math.min(this.#host.waiting, this.#host.slots - busy));
    }
  }

  #hand(worker: TaskWorker, ids: readonly string[]): void {
    const note = this.#options.store.beginBatch(ids);
    const batch = note && { note, left: ids.length };
    for (const id of ids) {
      const handed = this.#handed.get(id);
      if (handed) handed.batch = batch;
    }
    worker.hand(ids);
  }

  /** Its fate is known, or it is somebody else's. */
  #forget(id: string): void {
    const batch = this.#handed.get(id)?.batch;
    this.#handed.delete(id);
    if (batch && --batch.left === 0) this.#options.store.endBatch(batch.note);
  }

  #roomOf(worker: TaskWorker, workers: number): number {
    const { pool, ordered } = this.#options;
    const share = Math.max(1, Math.ceil(this.#host.waiting / workers));
    const { size: unanswered } = worker.unanswered;
    const room = Math.min(this.#batch.more(unanswered), pool.left(worker), share);
    if (!this.#batch.isWorth(room, unanswered)) return 0;
    // Two workers with a batch each would run the second's first task before the first's last.
    return ordered && workers > 1 ? Math.min(room, worker.isBusy ? 0 : 1) : room;
  }

  #collect(room: number): string[] {
    const ids: string[] = [];
    while (ids.length < room) {
      const task = this.#host.take();
      if (task === undefined) break;
      const id = taskId(task);
      // A message to a worker is text, and cannot say a name that is none.
      if (this.#mustLook.has(id) || !id.isWellFormed() || this.#mayBeTooOld(task)) {
        if (this.busy >= this.#host.slots) {
          this.#host.enqueue(task);
          break;
        }
        const asked = this.#mustLook.get(id);
        // Whoever was asked is asked again when it is put off, or not to be claimed now.
        this.#mustLook.set(id, undefined);
        this.#host.claim(task, asked);
        continue;
      }
      this.#handed.set(id, { task, holders: 1, touched: false, helped: 0, batch: null });
      ids.push(id);
    }
    return ids;
  }

  #mayBeTooOld(task: TaskRef): boolean {
    const { maxAgeMs, clock } = this.#options;
    if (maxAgeMs === null) return false;
    const chance = firstChance(task.name, []);
    return chance === null || clock.now() - chance > maxAgeMs;
  }

  #answered(worker: TaskWorker, answers: readonly TaskAnswer[]): void {
    const { emit, name } = this.#options;
    for (const answer of answers) {
      const { task: id, kind, func, tookMs } = answer;
      const handed = this.#handed.get(id);
      if (handed === undefined) continue;
      if (kind !== "withdrawn" && kind !== "busy" && kind !== "gone") this.#batch.observe(tookMs);
      if (kind === "done") {
        this.#forget(id);
        const fate = { kind: "done" } as const;
        emit({ type: "task.settled", spool: name, task: handed.task.name, func, fate, tookMs });
        continue;
      }
      this.#settle(worker, answer, id, handed);
    }
  }

  #settle(worker: TaskWorker, answer: TaskAnswer, id: string, handed: Handed): void {
    const { executor } = this.#options;
    const { kind, func, tookMs, reason, stderr } = answer;
    switch (kind) {
      case "retry":
        return this.#conclude(handed, { kind, reason }, func, tookMs, () => worker.release(id));
      case "failed":
      case "permanent":
        return this.#conclude(
          handed,
          { kind, reason, stderr },
          func,
          tookMs,
          () => worker.release(id),
        );
      case "ignored":
        return this.#lookAt(id, handed, executor);
      case "elsewhere":
      case "look":
        return this.#lookAt(id, handed, undefined);
      case "gone":
        return this.#letGo(id, handed, handed.touched);
      case "busy":
        return this.#letGoBusy(id, handed);
      case "withdrawn":
        return this.#letGo(id, handed, true);
      case "done":
        throw new Error("done is no matter for settle");
      default:
        return kind satisfies never;
    }
  }

  /** Settles a task that a worker has claimed. */
  #conclude(
    handed: Handed,
    outcome: Outcome,
    func: string,
    tookMs: number,
    release: () => void,
  ): void {
    const { store, emit, name } = this.#options;
    const { task } = handed;
    const claimed: ClaimedTask = {
      name: task.name,
      priority: task.priority,
      kind: "claimed",
      path: store.pathOf(task),
      vars: [],
      bodySize: 0,
      readBody: () => 0,
      attempts: store.attemptsOf(task),
      crashed: false,
      release,
    };
    try {
      this.#concludeClaimed(handed, claimed, outcome, func, tookMs);
    } catch (error) {
      this.#forget(taskId(task));
      release();
      emit({ type: "spool.warning", spool: name, message: `${taskId(task)}: ${error}` });
    }
  }

  #concludeClaimed(
    handed: Handed,
    claimed: ClaimedTask,
    outcome: Outcome,
    func: string,
    tookMs: number,
  ): void {
    const { store, runner } = this.#options;
    const id = taskId(claimed);
    const fate = runner.conclude(claimed, outcome, func, tookMs);
    this.#forget(id);
    if (fate.kind === "failed") {
      this.#host.track(id, runner.gaveUp(claimed.name, func, fate.reason));
      return;
    }
    // From now on it has a history: a failure to be counted, or a time that is not yet come.
    if (outcome.kind !== "retry") this.#mustLook.set(id, undefined);
    const seen = store.see(handed.task);
    if (seen) this.#host.enqueue(seen);
  }

  #lookAt(id: string, handed: Handed, asked: Executor | undefined): void {
    this.#forget(id);
    this.#mustLook.set(id, asked);
    this.#host.enqueue(handed.task);
  }

  /** One holder less; the task is looked at again when nobody has it and that is wanted. */
  #letGo(id: string, handed: Handed, lookAgain: boolean): void {
    if (--handed.holders > 0) return;
    this.#forget(id);
    if (!lookAgain) return;
    const seen = this.#options.store.see(handed.task);
    if (seen) this.#host.enqueue(seen);
  }

  /** Somebody else has it, or had it when its lock was tried. */
  #letGoBusy(id: string, handed: Handed): void {
    const isFree = handed.touched && !this.#options.store.isLocked(handed.task);
    if (handed.holders === 1 && !isFree) this.#host.busy(id);
    this.#letGo(id, handed, isFree);
  }

  /** The first task that is still there is the one its worker died of. */
  #ended(_worker: TaskWorker, { isAsked, reason, left }: WorkerEnd): void {
    const { store, name, emit } = this.#options;
    let isBlamed = isAsked;
    for (const id of left) {
      const handed = this.#handed.get(id);
      if (handed === undefined) continue;
      if (isBlamed || handed.holders > 1) {
        this.#letGo(id, handed, true);
        continue;
      }
      if (store.see(handed.task) === null) {
        // It was done, and the answer did not arrive.
        this.#forget(id);
        const settled = { spool: name, task: handed.task.name, func: "", tookMs: 0 };
        emit({ type: "task.settled", ...settled, fate: { kind: "done" } });
        continue;
      }
      isBlamed = true;
      this.#blame(id, handed, reason);
    }
  }

  #blame(id: string, handed: Handed, reason: string): void {
    const { store, runner, emit, name } = this.#options;
    try {
      const claimed = store.claim(handed.task);
      if (claimed.kind !== "claimed") return this.#letGo(id, handed, true);
      const outcome = { kind: "failed", reason, stderr: "" } as const;
      this.#concludeClaimed(handed, claimed, outcome, runner.funcOf(claimed), 0);
    } catch (error) {
      this.#forget(id);
      emit({ type: "spool.warning", spool: name, message: `${id}: ${error}` });
    }
  }

  #arrangeHelp(): void {
    if (this.#cancelHelp !== null || this.#behind(0).length === 0) return;
    if (this.#behind(HELP_AFTER_MS).length > 0) return this.#help();
    this.#cancelHelp = this.#options.clock.after(HELP_AFTER_MS, () => {
      this.#cancelHelp = null;
      this.#help();
      this.#host.pump();
    });
  }

  /** What waits behind tasks that have gone on for some time, and was not given to another worker. */
  #behind(forMs: number): string[] {
    const slow = this.#options.pool.workers.filter((worker) =>
      worker.unanswered.size > 1 && this.#isOurs(worker) && worker.busyMs >= forMs
    );
    const ids = slow.flatMap(({ unanswered }) => [...unanswered].slice(1));
    return [...new Set(ids)].filter((id) => this.#mayBeHelped(id));
  }

  /** A task that is done and not yet answered looks like one that waits: not for ever again. */
  #mayBeHelped(id: string): boolean {
    const handed = this.#handed.get(id);
    return handed !== undefined && handed.helped < MOST_HELP;
  }

  /**
   * Gives idle workers what waits behind a slow task. The slow worker is not asked, for it cannot
   * answer: the lock decides who runs a task that two have.
   */
  #help(): void {
    const behind = this.#behind(HELP_AFTER_MS);
    if (behind.length === 0) return;
    const { pool } = this.#options;
    const helpers = pool.open.filter(({ isBusy }) => !isBusy);
    const share = Math.ceil(behind.length / helpers.length);
    for (const helper of helpers) {
      if (this.busy >= this.#host.slots) return;
      const ids = behind.splice(0, Math.min(share, this.#batch.size, pool.left(helper)));
      if (ids.length === 0) return;
      for (const id of ids) {
        const handed = this.#handed.get(id);
        if (handed === undefined) continue;
        handed.helped++;
        handed.holders++;
      }
      helper.hand(ids);
    }
  }

  stop(): Promise<void> {
    this.#cancelHelp?.();
    return this.#options.pool.stop();
  }
}
