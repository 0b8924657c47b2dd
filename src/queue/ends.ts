/**
 * Ends runs: what the table of tasks is to know when a fate is on disk, when it cannot be written, and
 * when a task was given up.
 */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { placeOf, rethrowImpossible } from "../platform/unexpected.ts";
import type { Emit } from "../report/event.ts";
import type { Once } from "../report/once.ts";
import { taskId, type TaskRef } from "../spool/layout.ts";
import type { ClaimedTask, SeenTask, Store } from "../spool/store.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import { type Settlement, type TaskVerdict, UnwrittenFate } from "./settlement.ts";
import { GIVEN_UP, GONE, TOUCHED } from "./task_event.ts";
import type { Route, Stuck } from "./task_state.ts";
import type { Tasks } from "./tasks.ts";

export interface EndsOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly tasks: Tasks;
  readonly store: Store;
  readonly settlement: Settlement;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly once: Once;
  /** More may be started now. */
  wake(): void;
}

export class Ends {
  readonly #options: EndsOptions;
  readonly #work = new Set<Promise<void>>();

  constructor(options: EndsOptions) {
    this.#options = options;
  }

  /** Whatever goes on for a task; more may be started when it is over. */
  track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#work.delete(tracked);
      this.#options.wake();
    });
    this.#work.add(tracked);
  }

  /** Resolves when nothing goes on any more. */
  async drained(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /**
   * Ends the run of a task that a worker has claimed: decides its fate and applies it.
   *
   * @returns null when that could not be done
   */
  conclude(task: ClaimedTask, outcome: Outcome, func: string, tookMs: number): Fate | null {
    let fate: Fate;
    try {
      fate = this.#options.settlement.conclude(task, outcome, func, tookMs);
    } catch (error) {
      this.fail(task, error);
      return null;
    }
    // A failure is on record now, for the next run to be counted.
    if (!this.#isOurs(task)) this.#lookAgain(task);
    else this.settle(task, fate, func, outcome.kind === "retry" ? "workers" : "program");
    return fate;
  }

  /** Whether the table knows that it runs; else a worker was helped out, and was late. */
  #isOurs(ref: TaskRef): boolean {
    const kind = this.#options.tasks.get(taskId(ref))?.kind;
    return kind === "handed" || kind === "running";
  }

  #lookAgain(ref: TaskRef): void {
    const { tasks, clock } = this.#options;
    const id = taskId(ref);
    const kind = tasks.get(id)?.kind;
    if (kind === "settling") return tasks.apply(id, TOUCHED);
    const seen = this.#see(ref);
    if (seen) tasks.see(seen, clock.now());
    else if (kind !== undefined) tasks.apply(id, GONE);
  }

  /**
   * The fate of a task that ran is on disk.
   *
   * @param route who starts it the next time
   */
  settle(ref: TaskRef, fate: Fate, func: string, route: Route): void {
    const { tasks } = this.#options;
    switch (fate.kind) {
      case "failed":
        if (fate.killed) return this.#over(ref, null, "workers");
        return this.giveUp(ref, func, fate.reason);
      case "done":
      case "removed":
        return this.#over(ref, null, "workers");
      case "deferred":
      case "ready":
        return this.#over(ref, this.#see(ref), route);
      case "postponed": {
        const task = this.#see(ref);
        if (task === null) return this.#over(ref, null, route);
        return tasks.apply(taskId(ref), { type: "postponed", task, dueAt: fate.dueAt, route });
      }
      default:
        return fate satisfies never;
    }
  }

  /** The task lies in failed/; a command may want to know. */
  giveUp(ref: TaskRef, func: string, reason: string): void {
    const { tasks, settlement } = this.#options;
    const id = taskId(ref);
    tasks.apply(id, GIVEN_UP);
    const work = settlement.gaveUp(ref.name, func, reason).catch((error) => {
      this.#warn(`${id}: ${reasonOf(error)}`);
    });
    this.track(work.then(() => this.#over(ref, null, "workers")));
  }

  /** Its run is over; something may have happened to its file meanwhile. */
  #over(ref: TaskRef, task: SeenTask | null, route: Route): void {
    const { tasks, clock } = this.#options;
    const id = taskId(ref);
    const state = tasks.get(id);
    const isTouched = state !== undefined && "touched" in state && state.touched;
    const now = clock.now();
    if (task !== null || !isTouched) {
      return tasks.apply(id, { type: "settled", task, route, now });
    }
    // Whatever has the name now is another task.
    tasks.apply(id, { type: "settled", task: this.#see(ref), route: "workers", now });
  }

  /**
   * A run ended with an error of the program itself. What was decided and cannot be written is
   * remembered, for the task must not run again.
   */
  fail(task: ClaimedTask, error: unknown): void {
    const { tasks, store } = this.#options;
    const id = taskId(task);
    if (error instanceof UnwrittenFate && this.#isOurs(task)) {
      this.#stick(task, error.verdict, error.message);
      return;
    }
    rethrowImpossible(error);
    this.#warn(`${id}: ${reasonOf(error)} (${placeOf(error)})`);
    if (!this.#isOurs(task)) {
      task.release();
      return this.#lookAgain(task);
    }
    // It has not run: it is tried again when its file changes, or at the next scan.
    tasks.apply(id, { type: "unusable", reason: reasonOf(error), stamp: this.stampOf(task) });
    store.giveBack(task);
  }

  #stick(task: ClaimedTask, verdict: TaskVerdict, why: string): void {
    const { tasks, store } = this.#options;
    const { fate, attempts } = verdict;
    const id = taskId(task);
    if (fate.kind === "deferred" && this.#isOnRecord(task, attempts?.failures)) {
      // Only the time on its file is missing, and that can be remembered.
      this.#warn(`${id}: cannot set its time, which is kept in memory: ${why}`);
      const seen = this.#see(task) ?? { name: task.name, priority: task.priority, dueAt: 0 };
      tasks.apply(id, { type: "postponed", task: seen, dueAt: fate.dueAt, route: "program" });
      this.#report(task.name, verdict);
    } else {
      const what = fate.kind === "done" ? "done, but cannot be removed" : "cannot be settled";
      this.#warn(`${id}: ${what}: ${why}; it does not run again; every scan retries this`);
      tasks.apply(id, { type: "stuck", verdict, file: store.fileOf(task) });
      this.#remember(task, verdict);
    }
    try {
      store.giveBack(task);
    } catch (error) {
      this.#warn(`${id}: ${reasonOf(error)}`);
    }
  }

  /** For the next start of the program. */
  #remember(task: ClaimedTask, { fate, attempts }: TaskVerdict): void {
    const end = fate.kind === "removed" ? "done" : fate.kind;
    if (end !== "done" && end !== "failed") return;
    const reason = fate.kind === "failed" ? fate.reason : "done, but could not be removed";
    const at = this.#options.clock.now();
    const none = { failures: 0, firstFailureAt: at, lastFailureAt: at, reason, stderr: "" };
    try {
      this.#options.store.remember(task, attempts ?? task.attempts ?? none, end, reason);
    } catch (error) {
      // Where this cannot be written either, a task is not run before that is mended: see claim.
      this.#warn(`${taskId(task)}: cannot note that for the next start: ${reasonOf(error)}`);
    }
  }

  #isOnRecord(ref: TaskRef, failures: number | undefined): boolean {
    const { store } = this.#options;
    return failures === undefined || store.attemptsOf(ref)?.failures === failures;
  }

  /** Tries again to write the fates that could not be written. */
  retryStuck(): void {
    for (const task of this.#options.tasks.stuck()) this.#retry(task);
  }

  #retry(stuck: Stuck): void {
    const { tasks, store, settlement, clock } = this.#options;
    const id = taskId(stuck);
    const { fate, attempts } = stuck.verdict;
    try {
      const claimed = store.claim(stuck);
      if (claimed.kind === "gone") return tasks.apply(id, GONE);
      // What was remembered is done by the claim itself.
      const isWritten = claimed.kind === "finished" || claimed.kind === "damaged";
      if (claimed.kind !== "claimed") return isWritten ? this.#unstick(stuck) : undefined;
      if (stuck.file !== null && store.fileOf(stuck) !== stuck.file) {
        // Somebody has put another task in its place.
        claimed.release();
        const task = this.#see(stuck);
        return tasks.apply(id, { type: "settled", task, route: "workers", now: clock.now() });
      }
      try {
        settlement.apply(claimed, fate, attempts);
      } catch {
        return claimed.release();
      }
    } catch (error) {
      rethrowImpossible(error);
      return this.#warn(`${id}: ${reasonOf(error)}`);
    }
    this.#unstick(stuck);
  }

  /** Its fate is on disk. */
  #unstick({ name, priority, verdict }: Stuck): void {
    this.#report(name, verdict);
    this.settle({ name, priority }, verdict.fate, verdict.func, "program");
  }

  #report(task: string, { attempts: _, ...verdict }: TaskVerdict): void {
    const { emit, name } = this.#options;
    emit({ type: "task.settled", spool: name, task, ...verdict });
  }

  /** See {@link Store.stampOf}. */
  stampOf(ref: TaskRef): string | null {
    try {
      return this.#options.store.stampOf(ref);
    } catch {
      return null;
    }
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

  #warn(message: string): void {
    const { once, emit, name } = this.#options;
    if (once.isFirst(message)) emit({ type: "spool.warning", spool: name, message });
  }
}
