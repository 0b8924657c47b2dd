/** Starts tasks: whether one may start now, its claim, and its run by the program. */

import type { Executor } from "../exec/executor.ts";
import type { KillOrder } from "../exec/kill_order.ts";
import { refOf, taskId, type TaskRef } from "../spool/layout.ts";
import type { Claimed, ClaimedTask } from "../spool/store.ts";
import { TASK_FILE_VARIABLE } from "../exec/command.ts";
import { handlersFor } from "../exec/executor.ts";
import { signalGroup } from "../exec/process.ts";
import { nameToShow } from "../platform/name.ts";
import { findOrphan, findStamped } from "../platform/orphans.ts";
import { quietly } from "../platform/quietly.ts";
import { reasonOf } from "../platform/reason.ts";
import { funcOf } from "../task/request.ts";
import type { Var } from "../wire/packet.ts";
import type { ConcurrencyLimit } from "./concurrency_limit.ts";
import type { Ends } from "./ends.ts";
import type { KillResult } from "./kill_result.ts";
import { OrphanRuns } from "./orphan_runs.ts";
import { RateLimiter } from "./rate.ts";
import { type ProgramRun, Runner } from "./runner.ts";
import type { Settlement, SettlementOptions } from "./settlement.ts";
import { ADMITTED, BUSY, GONE } from "./task_event.ts";
import { type TaskLimit, TaskLimits, type TaskShare } from "./task_limits.ts";
import type { Ready } from "./task_state.ts";
import type { Tasks } from "./tasks.ts";

export interface StartsOptions extends SettlementOptions {
  readonly tasks: Tasks;
  readonly settlement: Settlement;
  readonly ends: Ends;
  /** Absent is a spool whose tasks can always be started. */
  readonly concurrency?: ConcurrencyLimit;
  /** Which tasks may not all run at the same time. */
  readonly taskLimits?: readonly TaskLimit[];
}

/** So long tasks are read in one go, to find out whose they are. */
const SORT_MS = 5;
/** What the system refuses, and what an orphan runs, is tried again so soon. */
const LATER_MS = 1000;

export class Starts {
  readonly #options: StartsOptions;
  readonly #runner: Runner;
  readonly #rate: RateLimiter | null;
  readonly #orphans: OrphanRuns;
  readonly #limits: TaskLimits;
  #stopped = false;
  /** Somebody has stopped the work on this spool. */
  paused = false;
  /** Until then spooler-rate has held back a start, on the wall clock; Infinity when it has not. */
  heldBackUntil = Infinity;

  constructor(options: StartsOptions) {
    this.#options = options;
    this.#runner = new Runner(options, options.settlement);
    this.#orphans = new OrphanRuns(options.clock);
    this.#limits = new TaskLimits(options.taskLimits ?? []);
    this.#rate = options.config.rate && new RateLimiter(options.config.rate);
  }

  /** Tasks that run: by the program, and one in each worker that has been handed any. */
  get running(): number {
    return this.#runByProgram + this.#options.tasks.busyWorkers;
  }

  get #runByProgram(): number {
    const { tasks } = this.#options;
    return tasks.count("running") + tasks.count("settling");
  }

  /** What the program runs, by id. */
  get runs(): ReadonlyMap<string, ProgramRun> {
    return this.#runner.running;
  }

  /** Workers that may have tasks of their own, beside what the program runs. */
  get slots(): number {
    return this.#options.config.processes - this.#runByProgram;
  }

  get hasSlot(): boolean {
    const { config, concurrency } = this.#options;
    return !this.paused &&
      this.running < Math.min(config.processes, concurrency?.limit ?? Infinity);
  }

  /**
   * Where there are limits: reads tasks to find out whose they are, for a while; nobody who asks for their
   * locks notices.
   *
   * @returns whether there are more
   */
  sort(): boolean {
    if (!this.#limits.isAny || this.#stopped || this.paused) return false;
    const { tasks, clock, store } = this.#options;
    const endAt = clock.monotonic() + SORT_MS;
    for (let task = tasks.firstUnsorted(); task !== undefined; task = tasks.firstUnsorted()) {
      if (clock.monotonic() > endAt) return true;
      // What cannot be read now is found out when it is claimed.
      const vars = quietly(() => store.varsOf(task)) ?? [];
      tasks.sort(taskId(task), this.#shareOf(vars));
    }
    return false;
  }

  #shareOf(vars: readonly Var[]): TaskShare {
    const func = funcOf({ vars });
    const processes = handlersFor(this.#options.executors, func)[0]?.processes ?? null;
    return this.#limits.shareOf(func, vars, processes);
  }

  /** The task to start now; undefined when none may. */
  next(): Ready | undefined {
    if (this.#stopped || this.paused || this.isHeldBack()) return undefined;
    const { tasks, clock } = this.#options;
    return tasks.firstReady(clock.now());
  }

  /**
   * Whether spooler-rate forbids a start now. The timer is set by this answer and not by a later one:
   * a start that was held back and would be allowed a moment later is to be tried again.
   */
  isHeldBack(): boolean {
    const { clock } = this.#options;
    const waitMs = this.#rate?.waitMs(clock.monotonic()) ?? 0;
    if (waitMs > 0) this.heldBackUntil = clock.now() + waitMs;
    return waitMs > 0;
  }

  /** For spooler-rate: a task is started. */
  countOne(): void {
    this.#rate?.started(this.#options.clock.monotonic());
  }

  /** Claims a task and runs it. Whatever comes of that, it is no longer ready in the table. */
  start(task: Ready): void {
    const { tasks, clock } = this.#options;
    const id = taskId(task);
    const claimed = this.#tryClaim(task);
    switch (claimed.kind) {
      case "claimed":
        return this.#begin(id, task, claimed);
      case "deferred": {
        const { name, priority } = task;
        // By the clock of the claim, which may have found it early by a fraction of a millisecond.
        const now = Math.min(clock.now(), claimed.dueAt - 1);
        tasks.see({ name, priority, dueAt: claimed.dueAt }, now);
        return;
      }
      case "busy":
        return tasks.apply(id, BUSY);
      case "finished":
        this.#warn(`${id}: was done before, and is removed now`);
        return tasks.apply(id, GONE);
      case "gone":
        return tasks.apply(id, GONE);
      case "incomplete":
      case "unusable":
        return this.#leaveAlone(id, task, claimed.reason);
      case "refused":
        // The system: no descriptors are left, for example.
        this.#warn(`${id}: cannot open it now: ${claimed.reason}`);
        return this.#tryLater(id, task);
      case "damaged":
        this.#warn(`${id}: moved to failed/: ${claimed.reason}`);
        return this.#options.ends.giveUp(task, "", claimed.reason);
      default:
        return claimed satisfies never;
    }
  }

  #tryLater(id: string, task: Ready): void {
    const { tasks, clock } = this.#options;
    const dueAt = clock.now() + LATER_MS;
    tasks.apply(id, { type: "postponed", task, dueAt, route: task.route });
  }

  /**
   * Whether its command goes on though the program that started it has died: the two would run at once.
   * One that has taken longer than it may is ended.
   */
  #isStillRun(id: string, task: ClaimedTask): boolean {
    const own = this.#runner.firstHandler(task)?.harakiriMs;
    const harakiriMs = own === undefined ? this.#options.config.harakiriMs : own;
    const stamp = this.#options.store.crashedProcess(task);
    const orphan = (stamp && findStamped(stamp)) ||
      findOrphan(TASK_FILE_VARIABLE, nameToShow(task.path));
    this.#orphans.note(id, orphan);
    if (orphan === null) return false;
    const { pid, ageMs } = orphan;
    this.#warn(`${id}: process ${pid} still runs it for a spooler that died; waiting for its end`);
    if (harakiriMs !== null && ageMs > harakiriMs) {
      this.#warn(`${id}: killed process ${pid}: harakiri after ${harakiriMs / 1000} s`);
      signalGroup(pid, "SIGKILL");
    }
    return true;
  }

  #leaveAlone(id: string, ref: TaskRef, reason: string): void {
    const { tasks, ends } = this.#options;
    this.#warn(`${id}: unusable: ${reason}`);
    tasks.apply(id, { type: "unusable", reason, stamp: ends.stampOf(ref) });
  }

  #tryClaim(ref: TaskRef): Claimed | { readonly kind: "refused"; readonly reason: string } {
    try {
      return this.#options.store.claim(ref);
    } catch (error) {
      return { kind: "refused", reason: reasonOf(error) };
    }
  }

  #begin(id: string, ready: Ready, task: ClaimedTask): void {
    const { tasks, ends } = this.#options;
    if (task.crashed && this.#isStillRun(id, task)) {
      this.#tryLater(id, ready);
      task.release();
      return;
    }
    const share = this.#limits.isAny ? this.#shareOf(task.vars) : null;
    if (share !== null && share.key !== ready.share?.key) {
      tasks.sort(id, share);
      task.release();
      return;
    }
    const handler = this.#runner.firstHandler(task);
    // A share has the limit of its handler among its own.
    const limited = share === null && handler && handler.processes !== null ? handler : null;
    if (limited && tasks.runsOf(limited) >= (limited.processes ?? Infinity)) {
      tasks.apply(id, { type: "limited", handler: limited });
      task.release();
      return;
    }
    this.countOne();
    const limits = ready.share?.limits ?? [];
    tasks.apply(id, { type: "claimed", handler: limited, limits });
    const declined = typeof ready.route === "string" ? undefined : ready.route;
    const run = this.#runner.run(task, declined).then(
      (fate) => ends.settle(ready, fate, funcOf(task), "program"),
      (error) => ends.fail(task, error),
    );
    ends.track(run.finally(() => limited && this.#admit(limited)));
  }

  /** Lets the next task start that waits for a run of this handler to end. */
  #admit(handler: Executor): void {
    const { tasks } = this.#options;
    const id = tasks.firstLimited(handler);
    if (id !== undefined) tasks.apply(id, ADMITTED);
  }

  /** Ends a run of the program, or of one that died; resolves when the fate of the task is on disk. */
  async kill(id: string, order: KillOrder): Promise<KillResult> {
    if (await this.#orphans.end(id, order) && !this.#runner.running.has(id)) {
      return this.#settleOrphan(id, order);
    }
    const run = this.#runner.running.get(id);
    if (run === undefined) {
      return { kind: "not running", state: this.#options.tasks.get(id)?.kind ?? null };
    }
    if (run.breaker === null) {
      return { kind: "refused", reason: "it is on its way to a target, which may have it already" };
    }
    run.breaker.obey(order);
    return { kind: "ended", fate: (await run.ended)?.kind ?? null };
  }

  #settleOrphan(id: string, order: KillOrder): KillResult {
    const claimed = this.#tryClaim(refOf(id));
    if (claimed.kind !== "claimed") return { kind: "ended", fate: null };
    const fate = this.#options.ends.conclude(claimed, order.outcome, funcOf(claimed), 0);
    return { kind: "ended", fate: fate?.kind ?? null };
  }

  #warn(message: string): void {
    const { once, emit, name } = this.#options;
    if (once.isFirst(message)) emit({ type: "spool.warning", spool: name, message });
  }

  /** Starts nothing more. */
  stop(): void {
    this.#stopped = true;
  }
}
