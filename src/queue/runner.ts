/** One run of one claimed task: what forbids it, and the handlers that are asked in order. */

import { Breaker } from "../exec/breaker.ts";
import { type Answer, type Executor, handlersFor } from "../exec/executor.ts";
import { processStamp } from "../platform/orphans.ts";
import { taskId } from "../spool/layout.ts";
import type { ClaimedTask } from "../spool/store.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import { funcOf } from "../task/request.ts";
import { firstChance } from "./age.ts";
import type { Settlement, SettlementOptions } from "./settlement.ts";

/** What the program runs now. */
export interface ProgramRun {
  readonly func: string;
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Null where no process of its own runs it. */
  pid: number | null;
  /** Null for what only this program's own code runs: it cannot be broken off alone. */
  readonly breaker: Breaker | null;
  /** Resolves when its fate is on disk; null when that could not be written. */
  readonly ended: Promise<Fate | null>;
}

/** A claimed task, and who may take it. */
interface AskedTask {
  readonly task: ClaimedTask;
  readonly func: string;
  readonly attempt: number;
  /** In the order in which they are asked. */
  readonly handlers: readonly Executor[];
  /** A handler that is not among them has declined it. */
  readonly wasDeclined: boolean;
}

export class Runner {
  /** By id. */
  readonly running = new Map<string, ProgramRun>();

  constructor(
    private readonly options: SettlementOptions,
    private readonly settlement: Settlement,
  ) {}

  /** The handler that is asked first; undefined without any. */
  firstHandler(task: ClaimedTask): Executor | undefined {
    return handlersFor(this.options.executors, funcOf(task))[0];
  }

  /**
   * Runs a claimed task to its fate, which is applied; the claim is released.
   *
   * @param declined a handler that has already said that the task is not its
   */
  async run(claimed: ClaimedTask, declined?: Executor): Promise<Fate> {
    const { clock } = this.options;
    const func = funcOf(claimed);
    const startedAt = clock.monotonic();
    // A worker process may take over the claim.
    let release = () => claimed.release();
    const task = { ...claimed, release: () => release() };
    const attempt = (task.attempts?.failures ?? 0) + 1;
    const id = taskId(task);
    const handlers = handlersFor(this.options.executors, func).filter((each) => each !== declined);
    using breaker = handlers[0]?.trusted ? null : new Breaker(this.options.abort);
    const ended = Promise.withResolvers<Fate | null>();
    const run = { func, attempt, startedAt: clock.now(), pid: null, breaker, ended: ended.promise };
    this.running.set(id, run);
    let fate: Fate | null = null;
    try {
      const about = { task, func, attempt, handlers, wasDeclined: declined !== undefined };
      const answer = this.#tooOld(task) ?? this.#deadly(task) ??
        await this.#ask(run, about, (other) => release = other);
      const outcome = breaker?.order?.outcome ?? answer;
      return fate = this.settlement.conclude(task, outcome, func, clock.monotonic() - startedAt);
    } finally {
      this.running.delete(id);
      ended.resolve(fate);
    }
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
    run: ProgramRun,
    { task, func, attempt, handlers, wasDeclined }: AskedTask,
    claimedElsewhere: (release: () => void) => void,
  ): Promise<Outcome> {
    const { config, emit, keepsOutput, abort, stopping, name } = this.options;
    const signal = run.breaker?.signal ?? abort;
    if (handlers.length > 0 && !handlers[0]?.trusted) {
      this.options.store.begin(task);
      emit({ type: "task.started", spool: name, task: task.name, func, attempt });
    }
    let isIgnored = wasDeclined;
    for (const executor of handlers) {
      if (run.breaker?.order) break;
      const answer: Answer = await executor.run({
        task,
        func,
        attempt,
        dir: config.dir,
        cwd: config.cwd,
        harakiriMs: config.harakiriMs,
        started: (pid) => run.pid = pid,
        // What ends at once is not asked about: an orphan is found by its environment as well.
        lasts: (pid) => {
          const stamp = processStamp(pid);
          if (stamp !== null) this.options.store.noteProcess(task, stamp);
        },
        output: (stream, line) =>
          emit({ type: "task.output", task: task.name, func, stream, line }),
        dropped: (lines) => emit({ type: "task.flooded", task: task.name, func, lines }),
        ...(keepsOutput
          ? { overflow: (over) => emit({ type: "task.overflow", task: task.name, func, ...over }) }
          : {}),
        signal,
        ...(stopping ? { stopping } : {}),
        claimedElsewhere,
      });
      if (answer.kind === "ignored") isIgnored = true;
      else if (answer.kind !== "elsewhere") return answer;
    }
    const who = func === "" ? "" : ` for "${func}"`;
    const reason = isIgnored ? `every handler${who} ignored it` : `no handler${who}`;
    return { kind: "unhandled", reason };
  }
}
