/**
 * One worker: takes the tasks it is handed one after the other, runs their functions, and answers.
 *
 * Functions that return no promise run without giving up the thread in between; the socket is looked
 * at, and timers of the code get their turn, every few milliseconds.
 */

import type { AnswerKind, Setup, ToWorker } from "../../src/worker/message.ts";
import { type Answers, type Details } from "./answers.ts";
import type { Channel } from "./channel.ts";
import { type TakenTask, type WorkerClaims } from "./claim.ts";
import { TaskContext } from "./context.ts";
import { type Functions, type Meaning, meaningOf, type TaskFunction } from "./functions.ts";
import type { WorkerLibc } from "./libc.ts";
import type { TaskOutput } from "./output.ts";
import type { SignalRegistry } from "./signals.ts";
import { reasonOf, traceEnd, traceOf } from "./trace.ts";
import { Permanent } from "./uwsgi.ts";

export interface WorkerParts {
  readonly setup: Setup;
  readonly channel: Channel;
  readonly libc: WorkerLibc;
  readonly claims: WorkerClaims;
  readonly functions: Functions;
  readonly registry: SignalRegistry;
  readonly answers: Answers;
  readonly output: TaskOutput;
  /** Calls of the task that runs, which it may not have waited for. */
  readonly calls: Set<Promise<unknown>>;
  /** Told when the master has asked for the end and nothing is left to do. */
  finished(): void;
}

interface Job {
  readonly id: string;
  readonly chosen: boolean;
  readonly attempt: number;
}

interface SignalJob {
  readonly id: number;
  readonly signal: number;
}

/** Between two looks at the socket. */
const LOOK_EVERY_MS = 5;
/** Between two turns of the engine's event loop. */
const TURN_EVERY_MS = 50;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #commands: ReadonlySet<string>;
  /** Descriptors that hold the lock of a task until the master has settled it. */
  readonly #held = new Map<string, number>();
  #jobs: Job[] = [];
  #next = 0;
  #signals: SignalJob[] = [];
  #context: TaskContext | null = null;
  #working = false;
  #stopping = false;
  #lookedAt = 0;
  #turnedAt = 0;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#commands = new Set(parts.setup.names);
  }

  take(message: ToWorker): void {
    switch (message.type) {
      case "run": {
        const { tasks, chosen = false, attempt = 1 } = message;
        for (const id of tasks) this.#jobs.push({ id, chosen, attempt });
        break;
      }
      case "signal":
        this.#signals.push(message);
        break;
      case "release":
        this.#release(message.task);
        break;
      case "withdraw":
        this.#withdraw();
        break;
      case "abort":
        if (this.#context?.id === message.task) this.#context.abort(message.reason);
        break;
      case "stop":
        this.#stopping = true;
        this.#jobs = [];
        this.#signals = [];
        this.#next = 0;
        this.#finish();
        break;
      case "setup":
      case "reply":
        throw new Error(`a ${message.type} that nobody waits for`);
      default:
        message satisfies never;
    }
  }

  /** Runs what there is to run, unless that is being done. */
  work(look: () => void): void {
    if (!this.#working && this.#hasWork()) this.#work(look);
  }

  #hasWork(): boolean {
    return this.#next < this.#jobs.length || this.#signals.length > 0;
  }

  async #work(look: () => void): Promise<void> {
    this.#working = true;
    const { answers, channel } = this.#parts;
    this.#turnedAt = performance.now();
    while (!channel.ended) {
      let now = performance.now();
      answers.flushOld(now);
      if (now - this.#turnedAt > TURN_EVERY_MS) {
        answers.flush();
        await new Promise((resume) => setTimeout(resume, 0));
        this.#turnedAt = now = performance.now();
      }
      if (now - this.#lookedAt > LOOK_EVERY_MS || !this.#hasWork()) {
        if (!this.#hasWork()) answers.flush();
        this.#lookedAt = now;
        look();
      }
      const signal = this.#signals.shift();
      if (signal !== undefined) {
        await this.#handle(signal);
        continue;
      }
      const job = this.#jobs[this.#next];
      if (job === undefined) break;
      if (++this.#next === this.#jobs.length) {
        this.#jobs = [];
        this.#next = 0;
      }
      const running = this.#run(job, now);
      if (running !== null) {
        await running;
        this.#turnedAt = performance.now();
      }
    }
    answers.flush();
    this.#working = false;
    this.#finish();
  }

  /** Locks are held to the last: until then nobody else may have the task. */
  #finish(): void {
    if (this.#stopping && !this.#working && this.#held.size === 0) this.#parts.finished();
  }

  /** Runs one task; the promise of its end when it does not end at once. */
  #run(job: Job, startedAt: number): Promise<void> | null {
    const { claims, answers, functions, setup, output } = this.#parts;
    const task = claims.take(job.id);
    if (typeof task === "string") {
      answers.add(startedAt, job.id, task, "", performance.now() - startedAt);
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
    task.vars.spooler_task_name = nameOf(job.id);
    const context = new TaskContext(job.id, nameOf(job.id), func, job.attempt, output);
    this.#context = context;
    output.begin({ task: job.id, func });
    return this.#ask(chain, 0, job, task, context, startedAt);
  }

  /** Asks the functions in order until one takes the task. */
  #ask(
    chain: readonly TaskFunction[],
    from: number,
    job: Job,
    task: TakenTask,
    context: TaskContext,
    startedAt: number,
  ): Promise<void> | null {
    const { calls } = this.#parts;
    for (let at = from; at < chain.length; at++) {
      const ask = chain[at] as TaskFunction;
      let result: unknown;
      try {
        result = ask(task.vars, task.body, context);
      } catch (error) {
        this.#failed(job, task, context, error, startedAt);
        return null;
      }
      if (calls.size > 0 || isThenable(result)) {
        return this.#later(result, chain, at, job, task, context, startedAt);
      }
      const meaning = meaningOf(result, task.vars.ud_spool_ret);
      if (meaning.kind === "ignored") continue;
      this.#settle(job, task, context, meaning, startedAt);
      return null;
    }
    this.#end();
    this.#answer(job, task, "ignored", context.func, startedAt);
    return null;
  }

  async #later(
    result: unknown,
    chain: readonly TaskFunction[],
    at: number,
    job: Job,
    task: TakenTask,
    context: TaskContext,
    startedAt: number,
  ): Promise<void> {
    const { calls } = this.#parts;
    let meaning: Meaning;
    try {
      const value = await result;
      // What the code asked for and did not wait for is a part of its work all the same.
      while (calls.size > 0) await Promise.all(calls);
      meaning = meaningOf(value, task.vars.ud_spool_ret);
    } catch (error) {
      calls.clear();
      this.#failed(job, task, context, error, startedAt);
      return;
    }
    if (meaning.kind === "ignored") {
      await this.#ask(chain, at + 1, job, task, context, startedAt);
      return;
    }
    this.#settle(job, task, context, meaning, startedAt);
  }

  #settle(
    job: Job,
    task: TakenTask,
    context: TaskContext,
    meaning: Exclude<Meaning, { kind: "ignored" }>,
    startedAt: number,
  ): void {
    this.#end();
    if (meaning.kind === "done") this.#answer(job, task, "done", context.func, startedAt);
    else {
      this.#answer(job, task, "retry", context.func, startedAt, { reason: meaning.reason });
    }
  }

  #failed(
    job: Job,
    task: TakenTask,
    context: TaskContext,
    error: unknown,
    startedAt: number,
  ): void {
    const trace = traceOf(error);
    this.#parts.output.print("stderr", `${trace}\n`);
    this.#end();
    const kind = error instanceof Permanent ? "permanent" : "failed";
    const details = { reason: reasonOf(error), stderr: traceEnd(trace) };
    this.#answer(job, task, kind, context.func, startedAt, details);
  }

  #end(): void {
    this.#parts.output.end();
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
    const isHeld = job.chosen || kind === "retry" || kind === "failed" || kind === "permanent";
    if (isHeld) this.#held.set(job.id, task.fd);
    else {
      // A file that cannot be unlinked will run again: that is the master's to tell.
      const isUnlinked = kind !== "done" || libc.unlink(task.path);
      libc.close(task.fd);
      if (!isUnlinked) kind = "look";
    }
    const now = performance.now();
    answers.add(now, job.id, kind, func, now - startedAt, details);
  }

  #release(id: string): void {
    const fd = this.#held.get(id);
    if (fd === undefined) return;
    this.#held.delete(id);
    this.#parts.libc.close(fd);
    this.#finish();
  }

  #withdraw(): void {
    const given = this.#jobs.slice(this.#next);
    this.#jobs = [];
    this.#next = 0;
    for (const { id } of given) {
      this.#parts.answers.add(performance.now(), id, "withdrawn", "", 0);
    }
  }

  async #handle({ id, signal }: SignalJob): Promise<void> {
    const { channel, output, registry } = this.#parts;
    output.begin({ task: null, func: `signal ${signal}` });
    let error: string | undefined;
    try {
      await registry.handler(signal)?.(signal);
    } catch (thrown) {
      error = reasonOf(thrown);
      output.print("stderr", `${traceOf(thrown)}\n`);
    }
    output.end();
    channel.send({ type: "signal-done", id, ...(error === undefined ? {} : { error }) });
  }
}

function nameOf(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
