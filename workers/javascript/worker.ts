/**
 * One worker: takes the tasks it is handed one after the other, has their functions run, and answers.
 *
 * Functions that return no promise run without giving up the thread in between; messages are received,
 * and timers of the code get their turn, every few milliseconds.
 */

import type { Setup, ToWorker } from "../../src/worker/message.ts";
import type { AnswerBuffer } from "./answers.ts";
import type { ProgramChannel } from "./channel.ts";
import { monotonicMs, turn } from "./clock.ts";
import { ownPromise, realm } from "./realm.ts";
import type { Job, TaskRunner } from "./runner.ts";
import type { TaskOutput } from "./output.ts";
import type { SignalRegistry } from "./signals.ts";
import { reasonOf, traceOf } from "./trace.ts";

export interface WorkerParts {
  readonly setup: Setup;
  readonly channel: ProgramChannel;
  readonly registry: SignalRegistry;
  readonly runner: TaskRunner;
  readonly answers: AnswerBuffer;
  readonly output: TaskOutput;
  /** Called when the master has asked for the end and nothing is left to do. */
  finished(): void;
  /** Called when the worker itself has failed: it is of no more use. */
  broken(error: unknown): void;
}

interface SignalJob {
  readonly id: number;
  readonly signal: number;
}

/** Between two rounds of receiving. */
const RECEIVE_EVERY_MS = 5;
/** Between two turns of the engine's event loop. */
const TURN_EVERY_MS = 50;

export class Worker {
  readonly #parts: WorkerParts;
  #jobs: Job[] = [];
  #next = 0;
  #signals: SignalJob[] = [];
  #working = false;
  #stopping = false;
  #receivedAt = 0;
  #turnedAt = 0;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  take(message: ToWorker): void {
    const { runner } = this.#parts;
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
        runner.release(message.task);
        this.#finish();
        break;
      case "abort":
        runner.abort(message.task, message.reason);
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
        throw new Error(`an unexpected ${message.type}`);
      default:
        message satisfies never;
    }
  }

  /**
   * Runs what there is to run, unless that is being done.
   *
   * @param receive takes the messages that have come
   */
  work(receive: () => void): void {
    if (this.#working || !this.#hasWork()) return;
    this.#workOrBreak(receive);
  }

  async #workOrBreak(receive: () => void): Promise<void> {
    try {
      await ownPromise(this.#work(receive));
    } catch (error) {
      this.#parts.broken(error);
    }
  }

  #hasWork(): boolean {
    return this.#next < this.#jobs.length || this.#signals.length > 0;
  }

  /** The caller that awaits its end only gets a failure. */
  async #work(receive: () => void): Promise<void> {
    this.#working = true;
    const { answers, channel, runner } = this.#parts;
    this.#turnedAt = monotonicMs();
    while (!channel.ended) {
      let now = monotonicMs();
      answers.flushOld(now);
      if (now - this.#turnedAt > TURN_EVERY_MS) {
        answers.flush();
        const turned = ownPromise(turn());
        realm.enterTask();
        await turned;
        realm.enterWorker();
        this.#turnedAt = now = monotonicMs();
      }
      if (now - this.#receivedAt > RECEIVE_EVERY_MS || !this.#hasWork()) {
        if (!this.#hasWork()) answers.flush();
        this.#receivedAt = now;
        receive();
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
      const running = runner.run(job, now);
      if (running !== null) {
        ownPromise(running);
        realm.enterTask();
        await running;
        realm.enterWorker();
        this.#turnedAt = monotonicMs();
      }
    }
    answers.flush();
    this.#working = false;
    this.#finish();
    realm.enterTask();
  }

  /** Locks are held to the last: until then no other process may have the task. */
  #finish(): void {
    if (this.#stopping && !this.#working && !this.#parts.runner.holds) this.#parts.finished();
  }

  async #handle({ id, signal }: SignalJob): Promise<void> {
    const { channel, output, registry } = this.#parts;
    const handler = registry.handler(signal);
    output.begin({ task: null, func: registry.nameOf(signal) });
    let failure: { readonly error: unknown } | null = null;
    realm.enterTask();
    try {
      await handler?.(signal);
    } catch (error) {
      failure = { error };
    }
    realm.enterWorker();
    realm.restoreAll();
    let error: string | undefined;
    if (failure !== null) {
      error = reasonOf(failure.error);
      output.print("stderr", `${traceOf(failure.error)}\n`);
    }
    output.end();
    channel.send({ type: "signal-done", id, ...(error === undefined ? {} : { error }) });
  }
}
