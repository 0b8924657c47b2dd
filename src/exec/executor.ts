/**
 * An executor runs a task to its end and says what came of it. It never touches the spool.
 */

import type { Outcome } from "../task/outcome.ts";
import type { OutputStream, Overflow } from "../report/event.ts";
import type { ClaimedTask } from "../spool/store.ts";

/**
 * What a handler may answer besides an outcome, so that the next one is asked: that it ignores the task
 * (SPOOL_IGNORE), or that it has nothing for its function.
 */
export type Answer = Outcome | { readonly kind: "ignored" } | { readonly kind: "elsewhere" };

export interface Run {
  readonly task: ClaimedTask;
  /** The value of ud_spool_func, or "" when the task names none. */
  readonly func: string;
  /** 1 for the first run. */
  readonly attempt: number;
  /** The spool's directory. */
  readonly dir: string;
  /** Where commands run. */
  readonly cwd: string;
  /** What the spool says; an executor may have its own. */
  readonly harakiriMs: number | null;
  /** Called with the process that runs the task, when it is one of the task's own. */
  started?(pid: number): void;
  /** Called with it when it has not ended within some milliseconds. */
  lasts?(pid: number): void;
  /** A line that the handler wrote. */
  output(stream: OutputStream, line: string): void;
  /** Lines of a flood that were not handed to {@link output}. */
  dropped(lines: number): void;
  /** What of these lines a history keeps; absent where none does. */
  overflow?(overflow: Overflow): void;
  /** Aborted when the program must end now: the run is to be broken off. */
  readonly signal: AbortSignal;
  /** Aborted when the program stops, while it still waits for what runs. */
  readonly stopping?: AbortSignal;
  /**
   * The claim has gone over to a worker process: it ends with `release` instead of the task's own.
   */
  claimedElsewhere(release: () => void): void;
}

export interface Executor {
  /** The function it is for; null takes what no other handler needs. */
  readonly name: string | null;
  /** Of its runs at the same time, in each spool; null is as many as the spool runs. */
  readonly processes: number | null;
  /**
   * It runs nobody's code but this program's: a task cannot take the program down, so no run is marked
   * on disk, and its start is not logged.
   */
  readonly trusted?: boolean;
  /** In place of the spool's `spooler-harakiri`; null is without end. */
  readonly harakiriMs?: number | null;
  /** In place of the spool's `spooler-max-retries`. */
  readonly maxRetries?: number;
  /** For one whose functions are known only later; in place of `name`. */
  takes?(func: string): "by name" | "with the rest" | "not";
  run(run: Run): Promise<Answer>;
}

/** The handlers to ask for a function, in order: those of its name, then the catch-alls. */
export function handlersFor(executors: readonly Executor[], func: string): Executor[] {
  const answers = executors.map((executor) => ({ executor, takes: takes(executor, func) }));
  return (["by name", "with the rest"] as const).flatMap((how) =>
    answers.filter((each) => each.takes === how).map(({ executor }) => executor)
  );
}

function takes(executor: Executor, func: string): "by name" | "with the rest" | "not" {
  if (executor.takes) return executor.takes(func);
  if (executor.name === null) return "with the rest";
  return executor.name === func ? "by name" : "not";
}
