/**
 * Starts tasks, and ends what was started: whether one may start now, its claim and its run by the
 * program, and what the table is to know when its fate is on disk.
 */

import type { Executor } from "../exec/executor.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Once } from "../report/once.ts";
import { taskId, type TaskRef } from "../spool/layout.ts";
import type { Claimed, ClaimedTask, SeenTask } from "../spool/store.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import type { ConcurrencyLimit } from "./concurrency_limit.ts";
import { RateLimiter } from "./rate.ts";
import { funcOf, Runner } from "./runner.ts";
import { Settlement, type SettlementOptions } from "./settlement.ts";
import { ADMITTED, BUSY, GIVEN_UP, GONE, TOUCHED } from "./task_event.ts";
import type { Ready, Route } from "./task_state.ts";
import type { Tasks } from "./tasks.ts";

export interface StartsOptions extends SettlementOptions {
  readonly tasks: Tasks;
  /** Absent is a spool whose tasks can always be started. */
  readonly concurrency?: ConcurrencyLimit;
  readonly once: Once;
  /** More may be started now. */
  wake(): void;
}

export class Starts {
  readonly #options: StartsOptions;
  readonly #settlement: Settlement;
  readonly #runner: Runner;
  readonly #rate: RateLimiter | null;
  readonly #work = new Set<Promise<void>>();
  #stopped = false;
  /** Somebody has stopped the work on this spool. */
  paused = false;
  /** Until then spooler-rate has held back a start, on the wall clock; Infinity when it has not. */
  heldBackUntil = Infinity;

  constructor(options: StartsOptions) {
    this.#options = options;
    this.#settlement = new Settlement(options);
    this.#runner = new Runner(options, this.#settlement);
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

  /** Workers that may have tasks of their own, beside what the program runs. */
  get slots(): number {
    return this.#options.config.processes - this.#runByProgram;
  }

  get hasSlot(): boolean {
    const { config, concurrency } = this.#options;
    return !this.paused &&
      this.running < Math.min(config.processes, concurrency?.limit ?? Infinity);
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
      case "gone":
        return tasks.apply(id, GONE);
      case "incomplete":
      case "unusable":
        this.#warn(`${id}: left alone: ${claimed.reason}`);
        return tasks.apply(id, { type: "unusable", reason: claimed.reason });
      case "damaged":
        this.#warn(`${id}: moved to failed/: ${claimed.reason}`);
        return this.#giveUp(task, "", claimed.reason);
      default:
        return claimed satisfies never;
    }
  }

  /** What the system refuses for a while (no descriptors left, say) is tried at the next scan. */
  #tryClaim(ref: TaskRef): Claimed {
    try {
      return this.#options.store.claim(ref);
    } catch (error) {
      return { kind: "unusable", reason: String(error) };
    }
  }

  #begin(id: string, ready: Ready, task: ClaimedTask): void {
    const { tasks, emit, name } = this.#options;
    const handler = this.#runner.firstHandler(task);
    const limited = handler && handler.processes !== null ? handler : null;
    if (limited && tasks.runsOf(limited) >= (limited.processes ?? Infinity)) {
      tasks.apply(id, { type: "limited", handler: limited });
      task.release();
      return;
    }
    this.countOne();
    tasks.apply(id, { type: "claimed", handler: limited });
    const declined = typeof ready.route === "string" ? undefined : ready.route;
    const run = this.#runner.run(task, declined).then(
      (fate) => this.#afterRun(ready, funcOf(task), fate),
      (error) => {
        task.release();
        emit({ type: "spool.warning", spool: name, message: `${id}: ${reasonOf(error)}` });
        this.#settled(ready, null, "program");
      },
    );
    this.#track(run.finally(() => limited && this.#admit(limited)));
  }

  /** Lets the next task start that waits for a run of this handler to end. */
  #admit(handler: Executor): void {
    const { tasks } = this.#options;
    const id = tasks.firstLimited(handler);
    if (id !== undefined) tasks.apply(id, ADMITTED);
  }

  #afterRun(ref: TaskRef, func: string, fate: Fate): void {
    if (fate.kind === "failed") this.#giveUp(ref, func, fate.reason);
    else this.#settled(ref, fate, "program");
  }

  /**
   * Ends the run of a task that a worker has claimed: decides its fate and applies it.
   *
   * @throws {Error} when the fate cannot be applied
   */
  conclude(task: ClaimedTask, outcome: Outcome, func: string, tookMs: number): void {
    const fate = this.#settlement.conclude(task, outcome, func, tookMs);
    if (this.#options.tasks.get(taskId(task))?.kind !== "handed") this.#lookAgain(task);
    else if (fate.kind === "failed") this.#giveUp(task, func, fate.reason);
    // A failure is on record now, for the next run to be counted.
    else this.#settled(task, fate, outcome.kind === "retry" ? "workers" : "program");
  }

  /** A worker ran a task of which the table knew better: it was helped out, and was late. */
  #lookAgain(ref: TaskRef): void {
    const { tasks, clock } = this.#options;
    const id = taskId(ref);
    const kind = tasks.get(id)?.kind;
    if (kind === "running" || kind === "settling") return tasks.apply(id, TOUCHED);
    const seen = this.#see(ref);
    if (seen) tasks.see(seen, clock.now());
    else if (kind !== undefined) tasks.apply(id, GONE);
  }

  /** The task lies in failed/; a command may want to know. */
  #giveUp(ref: TaskRef, func: string, reason: string): void {
    const { tasks, emit, name } = this.#options;
    const id = taskId(ref);
    tasks.apply(id, GIVEN_UP);
    const work = this.#settlement.gaveUp(ref.name, func, reason).catch((error) => {
      emit({ type: "spool.warning", spool: name, message: `${id}: ${reasonOf(error)}` });
    });
    this.#track(work.then(() => this.#settled(ref, null, "workers")));
  }

  /**
   * Its fate is on disk, or it is none of ours any more: the table gets its file as it now is.
   *
   * @param fate null when its file is expected to be gone
   */
  #settled(ref: TaskRef, fate: Fate | null, route: Route): void {
    const { tasks, clock } = this.#options;
    const id = taskId(ref);
    const state = tasks.get(id);
    const touched = state !== undefined && "touched" in state && state.touched;
    const stays = fate?.kind === "deferred" || fate?.kind === "ready";
    const task = stays || touched ? this.#see(ref) : null;
    // Whatever has the name now is another task.
    const how = stays ? route : "workers";
    tasks.apply(id, { type: "settled", task, route: how, now: clock.now() });
  }

  #see(ref: TaskRef): SeenTask | null {
    try {
      return this.#options.store.see(ref);
    } catch (error) {
      // The next scan finds it.
      this.#warn(`${taskId(ref)}: cannot be read again: ${reasonOf(error)}`);
      return null;
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#work.delete(tracked);
      this.#options.wake();
    });
    this.#work.add(tracked);
  }

  #warn(message: string): void {
    const { once, emit, name } = this.#options;
    if (once.isFirst(message)) emit({ type: "spool.warning", spool: name, message });
  }

  /** Starts nothing more; resolves when what runs has ended and is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}
