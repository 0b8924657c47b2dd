/**
 * One run of one task: asks its handlers, lets settle decide, has the store apply the fate, and tells
 * whoever wants to know of a task that is given up.
 */

import { type Answer, type Executor, handlersFor } from "../exec/executor.ts";
import { exitText, runShell } from "../exec/process.ts";
import type { Clock, Random } from "../platform/clock.ts";
import { nameToShow } from "../platform/name.ts";
import type { Emit } from "../report/event.ts";
import type { Attempts, ClaimedTask, Store } from "../spool/store.ts";
import { findText } from "../wire/packet.ts";
import { firstChance } from "./age.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import type { SpoolConfig } from "./settings.ts";
import { settle } from "./settle.ts";

export interface RunnerOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly config: SpoolConfig;
  readonly store: Store;
  readonly executors: readonly Executor[];
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** For the command of spooler-on-failure; null takes a variable out. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Aborted when running tasks must be broken off. */
  readonly abort: AbortSignal;
  /** Aborted when the program stops, while it still waits for what runs. */
  readonly stopping?: AbortSignal;
}

/** The longest that a command of spooler-on-failure may take. */
const FAILURE_HOOK_MS = 60_000;

export class Runner {
  constructor(private readonly options: RunnerOptions) {}

  /** The handler that is asked first; undefined when there is none. */
  firstHandler(task: ClaimedTask): Executor | undefined {
    return handlersFor(this.options.executors, funcOf(task))[0];
  }

  /** The function that a task names, or "". */
  funcOf(task: ClaimedTask): string {
    return funcOf(task);
  }

  /**
   * Runs a claimed task to its fate, which is applied; the claim is released.
   *
   * @param asked a handler that has already said that the task is not its
   */
  async run(claimed: ClaimedTask, asked?: Executor): Promise<Fate> {
    const { clock } = this.options;
    const func = funcOf(claimed);
    const startedAt = clock.monotonic();
    // A worker process may take over the claim.
    let release = () => claimed.release();
    const task = { ...claimed, release: () => release() };
    const outcome = this.#tooOld(task) ?? this.#deadly(task) ??
      await this.#ask(task, func, asked, (other) => release = other);
    const fate = this.conclude(task, outcome, func, clock.monotonic() - startedAt);
    if (fate.kind === "failed") await this.gaveUp(task.name, func, fate.reason);
    return fate;
  }

  /** Decides the fate of a task that has run, and applies it; the claim is released. */
  conclude(task: ClaimedTask, outcome: Outcome, func: string, tookMs: number): Fate {
    const { clock, config, random, emit, name } = this.options;
    const failures = task.attempts?.failures ?? 0;
    const now = clock.now();
    const maxRetries = handlersFor(this.options.executors, func)[0]?.maxRetries ??
      config.retry.maxRetries;
    const fate = settle(outcome, {
      policy: { ...config.retry, maxRetries },
      frequencyMs: config.frequencyMs,
      failures,
      now,
      random,
    });
    this.#apply(task, fate, failedAttempts(outcome, task.attempts, now));
    // What cannot be done by anybody is told by whoever cannot do it, once and not for each task.
    if (outcome.kind !== "unavailable") {
      emit({ type: "task.settled", spool: name, task: task.name, func, fate, tookMs });
    }
    return fate;
  }

  #tooOld(task: ClaimedTask): Outcome | null {
    const { config: { maxAgeMs }, clock } = this.options;
    const chance = maxAgeMs === null ? null : firstChance(task.name, task.vars);
    if (maxAgeMs === null || chance === null || clock.now() - chance <= maxAgeMs) return null;
    const reason = `older than spooler-max-age (${maxAgeMs / 1000} s)`;
    return { kind: "permanent", reason, stderr: "" };
  }

  /**
   * A task that takes the whole program down with it would do so at every start. The first time may be
   * chance (a power cut, an impatient operator) and only makes a note; from the second on the attempt
   * counts as failed before the task is run again.
   */
  #deadly(task: ClaimedTask): Outcome | null {
    if (!task.crashed) return null;
    const reason = "the program died while it ran";
    if (task.attempts?.crashes) return { kind: "failed", reason, stderr: "" };
    const now = this.options.clock.now();
    const fresh = { failures: 0, firstFailureAt: now, lastFailureAt: now, reason, stderr: "" };
    this.options.store.note(task, { ...(task.attempts ?? fresh), crashes: 1 });
    return null;
  }

  /** Asks the handlers in order until one takes the task. */
  async #ask(
    task: ClaimedTask,
    func: string,
    asked: Executor | undefined,
    claimedElsewhere: (release: () => void) => void,
  ): Promise<Outcome> {
    const { config, executors, emit, abort, stopping, name } = this.options;
    const attempt = (task.attempts?.failures ?? 0) + 1;
    if (!handlersFor(executors, func)[0]?.trusted) {
      this.options.store.begin(task);
      emit({ type: "task.started", spool: name, task: task.name, func, attempt });
    }
    for (const executor of handlersFor(executors, func)) {
      if (executor === asked) continue;
      const answer: Answer = await executor.run({
        task,
        func,
        attempt,
        dir: config.dir,
        cwd: config.cwd,
        harakiriMs: config.harakiriMs,
        output: (stream, line) =>
          emit({ type: "task.output", task: task.name, func, stream, line }),
        signal: abort,
        ...(stopping ? { stopping } : {}),
        claimedElsewhere,
      });
      if (answer.kind !== "ignored") return answer;
    }
    return { kind: "unhandled", reason: `no handler for "${func}"` };
  }

  #apply(task: ClaimedTask, fate: Fate, attempts: Attempts | null): void {
    const { store } = this.options;
    switch (fate.kind) {
      case "done":
        return store.finish(task);
      case "deferred":
        return store.defer(task, fate.dueAt, attempts);
      case "failed":
        return store.fail(task, fate.reason, attempts);
      case "ready":
        return store.giveBack(task);
      default:
        return fate satisfies never;
    }
  }

  /** Runs spooler-on-failure for a task that went to failed/; what comes of it is only logged. */
  async gaveUp(task: string, func: string, reason: string): Promise<void> {
    const { config, clock, emit, env, abort, name } = this.options;
    if (config.onFailure === null) return;
    const { exit } = await runShell({
      command: config.onFailure,
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
      output: (stream, line) => emit({ type: "task.output", task, func, stream, line }),
      clock,
    });
    if (exit.kind === "code" && exit.code === 0) return;
    const message = `spooler-on-failure for ${task}: ${exitText(exit)}`;
    emit({ type: "spool.warning", spool: name, message });
  }
}

function funcOf(task: ClaimedTask): string {
  return findText(task.vars, "ud_spool_func") ?? "";
}

/** What is to be remembered of this run; null when it was no failure. */
function failedAttempts(outcome: Outcome, before: Attempts | null, now: number): Attempts | null {
  switch (outcome.kind) {
    case "failed":
    case "permanent":
    case "unhandled":
      return {
        failures: (before?.failures ?? 0) + 1,
        firstFailureAt: before?.firstFailureAt ?? now,
        lastFailureAt: now,
        reason: outcome.reason,
        stderr: outcome.kind === "unhandled" ? "" : outcome.stderr,
        ...(before?.crashes ? { crashes: before.crashes } : {}),
      };
    case "done":
    case "retry":
    case "interrupted":
    case "unavailable":
      return null;
    default:
      return outcome satisfies never;
  }
}
