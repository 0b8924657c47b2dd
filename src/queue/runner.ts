/** One run of one claimed task: what forbids it, and the handlers that are asked in order. */

import { type Answer, type Executor, handlersFor } from "../exec/executor.ts";
import { processStamp } from "../platform/orphans.ts";
import { taskId } from "../spool/layout.ts";
import type { ClaimedTask } from "../spool/store.ts";
import type { Fate } from "../task/fate.ts";
import type { Outcome } from "../task/outcome.ts";
import { findText } from "../wire/packet.ts";
import { firstChance } from "./age.ts";
import type { Settlement, SettlementOptions } from "./settlement.ts";

/** The function that a task names, or "". */
export function funcOf(task: ClaimedTask): string {
  return findText(task.vars, "ud_spool_func") ?? "";
}

/** What the program runs now. */
export interface ProgramRun {
  readonly func: string;
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Null where no process of its own runs it. */
  pid: number | null;
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
    this.running.set(id, { func, attempt, startedAt: clock.now(), pid: null });
    try {
      const outcome = this.#tooOld(task) ?? this.#deadly(task) ??
        await this.#ask(task, func, declined, (other) => release = other);
      return this.settlement.conclude(task, outcome, func, clock.monotonic() - startedAt);
    } finally {
      this.running.delete(id);
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
    task: ClaimedTask,
    func: string,
    declined: Executor | undefined,
    claimedElsewhere: (release: () => void) => void,
  ): Promise<Outcome> {
    const { config, executors, emit, abort, stopping, name } = this.options;
    const attempt = (task.attempts?.failures ?? 0) + 1;
    const handlers = handlersFor(executors, func).filter((each) => each !== declined);
    if (handlers.length > 0 && !handlers[0]?.trusted) {
      this.options.store.begin(task);
      emit({ type: "task.started", spool: name, task: task.name, func, attempt });
    }
    let isIgnored = declined !== undefined;
    for (const executor of handlers) {
      const answer: Answer = await executor.run({
        task,
        func,
        attempt,
        dir: config.dir,
        cwd: config.cwd,
        harakiriMs: config.harakiriMs,
        started: (pid) => {
          const run = this.running.get(taskId(task));
          if (run !== undefined) run.pid = pid;
          const stamp = processStamp(pid);
          if (stamp !== null) this.options.store.noteProcess(task, stamp);
        },
        output: (stream, line) =>
          emit({ type: "task.output", task: task.name, func, stream, line }),
        dropped: (lines) => emit({ type: "task.flooded", task: task.name, func, lines }),
        signal: abort,
        ...(stopping ? { stopping } : {}),
        claimedElsewhere,
      });
      if (answer.kind === "ignored") isIgnored = true;
      else if (answer.kind !== "elsewhere") return answer;
    }
    const who = func === "" ? "" : ` for "${func}"`;
    const reason = isIgnored ? `each handler${who} ignored it` : `no handler${who}`;
    return { kind: "unhandled", reason };
  }
}
