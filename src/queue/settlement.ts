/**
 * After a run: lets settle decide the fate of the task, has the store apply it, and runs the command
 * for a task that was given up.
 */

import { type Executor, handlersFor } from "../exec/executor.ts";
import { exitText, runShell } from "../exec/process.ts";
import type { Clock, Random } from "../platform/clock.ts";
import { nameToShow } from "../platform/name.ts";
import { reasonOf } from "../platform/reason.ts";
import { Changes } from "../report/changes.ts";
import type { Emit } from "../report/event.ts";
import type { Once } from "../report/once.ts";
import { taskId } from "../spool/layout.ts";
import type { Attempts, ClaimedTask, Store } from "../spool/store.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import type { Frequency } from "./frequency.ts";
import type { SpoolConfig } from "./settings.ts";
import { settle } from "./settle.ts";

export interface SettlementOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly config: SpoolConfig;
  readonly frequency: Frequency;
  readonly store: Store;
  readonly executors: readonly Executor[];
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** A history keeps what its tasks print. */
  readonly keepsOutput?: boolean;
  readonly once: Once;
  /** For the command of spooler-on-failure; null takes a variable out. */
  readonly env: Readonly<Record<string, string | null>>;
  /** The shell of spooler-on-failure; /bin/sh when absent. */
  readonly binsh?: string;
  /** Aborted when running tasks must be broken off. */
  readonly abort: AbortSignal;
  /** Aborted when the program stops, while it still waits for what runs. */
  readonly stopping?: AbortSignal;
}

/** The longest that a command of spooler-on-failure may take. */
const FAILURE_HOOK_MS = 60_000;
/** Tasks that an operator has ended and that have not run again yet; more at a time are not remembered. */
const MOST_READY_AGAIN = 1000;

/** What was decided about a task that has run. */
export interface TaskVerdict {
  readonly fate: Fate;
  readonly attempts: Attempts | null;
  readonly func: string;
  readonly attempt: number;
  readonly tookMs: number;
  readonly waitMs: number | null;
}

/** A task has run, and what was decided about it cannot be written. */
export class UnwrittenFate extends Error {
  override name = "UnwrittenFate";

  constructor(readonly verdict: TaskVerdict, override readonly cause: unknown) {
    super(reasonOf(cause));
  }
}

export class Settlement {
  /** Why tasks were returned the last time. */
  readonly #returns = new Changes();
  /** Since when tasks are ready again whose runs an operator has ended: their files have the time before. */
  readonly #readyAgain = new Map<string, number>();

  constructor(private readonly options: SettlementOptions) {}

  /**
   * Decides the fate of a task that has run, and applies it; the claim is released.
   *
   * @throws {UnwrittenFate} when it cannot be applied; the claim is then still held
   */
  conclude(task: ClaimedTask, outcome: Outcome, func: string, tookMs: number): Fate {
    const { clock, config, frequency, random, emit, name } = this.options;
    const failures = task.attempts?.failures ?? 0;
    const now = clock.now();
    const maxRetries = handlersFor(this.options.executors, func)[0]?.maxRetries ??
      config.retry.maxRetries;
    const fate = settle(outcome, {
      policy: { ...config.retry, maxRetries },
      frequencyMs: frequency.ms,
      failures,
      now,
      random,
    });
    const attempts = failedAttempts(outcome, task.attempts, now);
    const about = {
      func,
      attempt: failures + 1,
      fate,
      tookMs,
      waitMs: waitBefore(now, tookMs, { dueAt: this.#readySince(task) }),
    };
    try {
      this.apply(task, fate, attempts);
    } catch (error) {
      throw new UnwrittenFate({ ...about, attempts }, error);
    }
    this.#noteEnd(taskId(task), outcome, fate, now);
    if (this.#isWorthALine(outcome, func)) {
      emit({ type: "task.settled", spool: name, task: task.name, ...about });
      if ("reason" in outcome) this.#returns.isNews(task.name, outcome.reason);
      else this.#returns.forget(task.name);
    } else if ("reason" in outcome) {
      const { reason } = outcome;
      // A target that is down has a line of its own, and all that were on their way come back at once.
      const isSaid = outcome.kind === "unavailable" && outcome.retryMs === undefined;
      const isNews = !isSaid && this.#returns.isNews(task.name, reason);
      emit({ type: "task.returned", spool: name, task: task.name, func, reason, isNews });
    }
    return fate;
  }

  #readySince(task: ClaimedTask): number {
    return Math.max(task.dueAt, this.#readyAgain.get(taskId(task)) ?? -Infinity);
  }

  #noteEnd(id: string, { kind }: Outcome, fate: Fate, now: number): void {
    // What could not be run has not begun to wait anew.
    if (kind === "unavailable" || kind === "unhandled") return;
    this.#readyAgain.delete(id);
    if (kind !== "killed" || fate.kind !== "ready") return;
    const [oldest] = this.#readyAgain.keys();
    if (this.#readyAgain.size >= MOST_READY_AGAIN && oldest !== undefined) {
      this.#readyAgain.delete(oldest);
    }
    this.#readyAgain.set(id, now);
  }

  /** What concerns all tasks of a function is logged once. */
  #isWorthALine(outcome: Outcome, func: string): boolean {
    switch (outcome.kind) {
      case "unavailable":
        // The part that could not take it says so.
        return outcome.retryMs !== undefined && this.options.once.isFirst(outcome.reason);
      case "unhandled":
        return this.options.once.isFirst(`${func}: ${outcome.reason}`);
      default:
        return true;
    }
  }

  /**
   * Writes a fate; the claim is released.
   *
   * @throws {Error} when that cannot be done; the claim is then still held
   */
  apply(task: ClaimedTask, fate: Fate, attempts: Attempts | null): void {
    const { store } = this.options;
    switch (fate.kind) {
      case "done":
      case "removed":
        return store.finish(task);
      case "deferred":
        return store.defer(task, fate.dueAt, attempts);
      case "failed":
        return store.fail(task, fate.reason, attempts);
      case "ready":
      case "postponed":
        return store.giveBack(task);
      default:
        return fate satisfies never;
    }
  }

  /** Runs spooler-on-failure for a task that went to failed/; what comes of it is only logged. */
  async gaveUp(task: string, func: string, reason: string): Promise<void> {
    const { config, clock, emit, env, binsh, abort, name } = this.options;
    if (config.onFailure === null) return;
    const { exit } = await runShell({
      command: config.onFailure,
      ...(binsh === undefined ? {} : { binsh }),
      cwd: config.cwd,
      env: {
        ...env,
        SPOOLER_TASK: nameToShow(task),
        SPOOLER_FUNC: func,
        SPOOLER_REASON: reason,
        SPOOLER_DIR: config.dir,
      },
      harakiriMs: FAILURE_HOOK_MS,
      signal: abort,
      output: (stream, line) =>
        emit({ type: "task.output", task, func, stream, line, isHook: true }),
      dropped: (lines) => emit({ type: "task.flooded", task, func, lines, isHook: true }),
      clock,
    });
    if (exit.kind === "code" && exit.code === 0) return;
    const message = `spooler-on-failure for ${task}: ${exitText(exit)}`;
    emit({ type: "spool.warning", spool: name, message });
  }
}

/**
 * How long a task that has just run had waited before; null when nobody knows since when it was ready.
 *
 * @param endedAt in milliseconds since the epoch
 */
export function waitBefore(
  endedAt: number,
  tookMs: number,
  task: { readonly dueAt: number } | undefined,
): number | null {
  return task === undefined ? null : Math.max(0, endedAt - tookMs - task.dueAt);
}

/** What is to be remembered of failures; null when this run was none, and they stay as they are. */
function failedAttempts(outcome: Outcome, before: Attempts | null, now: number): Attempts | null {
  switch (outcome.kind) {
    case "failed":
    case "permanent":
      return {
        failures: (before?.failures ?? 0) + 1,
        firstFailureAt: before?.firstFailureAt ?? now,
        lastFailureAt: now,
        reason: outcome.reason,
        stderr: outcome.stderr,
        ...(before?.crashes ? { crashes: before.crashes } : {}),
      };
    case "killed":
      return before;
    case "done":
    case "unhandled":
    case "retry":
    case "interrupted":
    case "unavailable":
      return null;
    default:
      return outcome satisfies never;
  }
}
