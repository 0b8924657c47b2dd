/** Runs one task: claims it, asks the functions that may take it, answers, and keeps its lock. */

import type { AnswerKind, Setup } from "../../src/worker/message.ts";
import type { AnswerBuffer, Details } from "./answers.ts";
import type { BeganNote } from "./began.ts";
import type { TakenTask, WorkerClaims } from "./claim.ts";
import { monotonicMs } from "./clock.ts";
import { TaskContext } from "./context.ts";
import { type Functions, type Meaning, meaningOf, type TaskFunction } from "./functions.ts";
import type { WorkerLibc } from "./libc.ts";
import type { TaskOutput } from "./output.ts";
import type { SendProgress } from "./progress.ts";
import { realm } from "./realm.ts";
import { isA, reasonOf, traceEnd, traceOf } from "./trace.ts";
import { Permanent } from "./uwsgi.ts";

export interface RunnerParts {
  readonly setup: Setup;
  readonly libc: WorkerLibc;
  readonly claims: WorkerClaims;
  readonly began: BeganNote;
  readonly functions: Functions;
  readonly answers: AnswerBuffer;
  readonly output: TaskOutput;
  readonly progress: SendProgress;
  /** Calls of the task that runs, which it may not have waited for. */
  readonly calls: Set<Promise<unknown>>;
}

/** A task that this worker was handed. */
export interface Job {
  readonly id: string;
  readonly chosen: boolean;
  readonly attempt: number;
}

/** A task that is being run. */
interface TaskRun {
  readonly job: Job;
  readonly task: TakenTask;
  readonly context: TaskContext;
  /** Who is asked, in order. */
  readonly chain: readonly TaskFunction[];
  /** Monotonic. */
  readonly startedAt: number;
}

export class TaskRunner {
  readonly #parts: RunnerParts;
  readonly #commands: ReadonlySet<string>;
  /** Descriptors that hold the lock of a task until the master has settled it. */
  readonly #held = new Map<string, number>();
  #context: TaskContext | null = null;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#commands = new Set(parts.setup.names);
  }

  /** Whether it holds the lock of a task. */
  get holds(): boolean {
    return this.#held.size > 0;
  }

  /** Lets go of a task that the master has settled. */
  release(id: string): void {
    const fd = this.#held.get(id);
    if (fd === undefined) return;
    this.#held.delete(id);
    this.#parts.libc.close(fd);
  }

  /** Asks a task to end soon, if it is the one that runs. */
  abort(id: string, reason: string): void {
    const context = this.#context;
    if (context?.id === id) realm.asTask(() => context.abort(reason));
  }

  /** Runs one task; the promise of its end when it does not end at once. */
  run(job: Job, startedAt: number): Promise<void> | null {
    const { claims, began, answers, functions, setup, output, progress } = this.#parts;
    const task = claims.take(job.id);
    if (typeof task === "string") {
      answers.add(startedAt, job.id, task, "", monotonicMs() - startedAt);
      return null;
    }
    const func = task.vars.ud_spool_func ?? "";
    const named = functions.named(func);
    const isOurs = job.chosen ||
      (!this.#commands.has(func) && (named.length > 0 || setup.alone));
    const chain = !isOurs
      ? []
      : functions.catchAll.length === 0
      ? named
      : [...named, ...functions.catchAll];
    if (chain.length === 0) {
      this.#answer(job, task, "elsewhere", func, startedAt);
      return null;
    }
    if (task.tooLarge !== null) {
      this.#answer(job, task, "permanent", func, startedAt, { reason: task.tooLarge, stderr: "" });
      return null;
    }
    const name = nameOf(job.id);
    task.vars.spooler_task_name = name;
    const context = new TaskContext(job.id, name, func, job.attempt, task.vars, output, progress);
    this.#context = context;
    output.begin({ task: job.id, func });
    began.begin(claims.lastId);
    return this.#ask({ job, task, context, chain, startedAt }, 0);
  }

  /** Asks the functions in order until one takes the task. */
  #ask(run: TaskRun, from: number): Promise<void> | null {
    const { chain, task, context } = run;
    for (let at = from; at < chain.length; at++) {
      const ask = chain[at] as TaskFunction;
      let result: unknown;
      let isPromised = false;
      let failure: { readonly error: unknown } | null = null;
      realm.enterTask();
      try {
        result = ask(task.vars, task.body, context);
        isPromised = isThenable(result);
      } catch (error) {
        failure = { error };
      }
      realm.enterWorker();
      if (failure !== null) return this.#failed(run, failure.error);
      if (isPromised || this.#parts.calls.size > 0) return this.#later(result, run, at);
      const meaning = meaningOf(result, task.vars.ud_spool_ret);
      if (meaning.kind !== "ignored") return this.#settle(run, meaning);
    }
    this.#end();
    this.#answer(run.job, task, "ignored", context.func, run.startedAt);
    return null;
  }

  async #later(result: unknown, run: TaskRun, at: number): Promise<void> {
    const { calls } = this.#parts;
    let value: unknown;
    let failure: { readonly error: unknown } | null = null;
    try {
      value = await result;
      // What the code asked for and did not wait for is a part of its work all the same.
      while (calls.size > 0) await allOf(calls);
    } catch (error) {
      failure = { error };
    }
    realm.enterWorker();
    realm.restoreAll();
    calls.clear();
    if (failure !== null) {
      this.#failed(run, failure.error);
      return;
    }
    const meaning = meaningOf(value, run.task.vars.ud_spool_ret);
    if (meaning.kind !== "ignored") this.#settle(run, meaning);
    else await this.#ask(run, at + 1);
  }

  #settle(run: TaskRun, meaning: Exclude<Meaning, { kind: "ignored" }>): null {
    const { job, task, context: { func }, startedAt } = run;
    this.#end();
    if (meaning.kind === "done") this.#answer(job, task, "done", func, startedAt);
    else this.#answer(job, task, "retry", func, startedAt, { reason: meaning.reason });
    return null;
  }

  #failed({ job, task, context, startedAt }: TaskRun, error: unknown): null {
    const trace = traceOf(error);
    this.#parts.output.print("stderr", `${trace}\n`);
    this.#end();
    const kind = isA(Permanent, error) ? "permanent" : "failed";
    const details = { reason: reasonOf(error), stderr: traceEnd(trace) };
    this.#answer(job, task, kind, context.func, startedAt, details);
    return null;
  }

  #end(): void {
    this.#parts.output.end();
    this.#context?.end();
    this.#context = null;
  }

  /** The task's fate: done is done here, everything else is the master's. */
  #answer(
    job: Job,
    task: TakenTask,
    kind: AnswerKind,
    func: string,
    startedAt: number,
    details?: Details,
  ): void {
    const { libc, answers } = this.#parts;
    // What cannot be unlinked must not run again: the master sees to that.
    if (kind === "done" && !job.chosen && !libc.unlink(task.path)) kind = "kept";
    const isHeld = job.chosen || kind !== "done" && kind !== "ignored" && kind !== "elsewhere";
    if (isHeld) this.#held.set(job.id, task.fd);
    else libc.close(task.fd);
    const now = monotonicMs();
    answers.add(now, job.id, kind, func, now - startedAt, details);
  }
}

function nameOf(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}

function allOf(promises: Iterable<Promise<unknown>>): Promise<unknown> {
  return realm.asWorker(() => Promise.all(promises));
}

/** Runs code of the value's, where `then` is a getter. */
function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
