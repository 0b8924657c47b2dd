/** What the program hears of a worker: what it offers, answers, prints and asks for, and its end. Types only. */

import type { OutputStream } from "../report/event.ts";
import type { Registered, WorkerAnswer } from "./message.ts";
import type { TaskWorker } from "./task_worker.ts";

/** What the modules of a worker offer. */
export interface WorkerOffer {
  readonly language: string;
  readonly functions: readonly string[];
  readonly catchAll: boolean;
  readonly origins: Readonly<Record<string, string>>;
  readonly registered: Registered;
  readonly files: readonly string[];
}

export interface LoadFailure {
  readonly message: string;
  readonly trace: readonly string[];
  readonly files: readonly string[];
}

/** Somebody asked for something: a frame of the type `call`. */
export interface WorkerCall {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly tail: Uint8Array<ArrayBuffer>;
  /** Null for a process that a worker has forked. */
  readonly worker: TaskWorker | null;
}

/** Why a worker ended. */
export interface WorkerEnd {
  /** It was asked to, and did. */
  readonly isAsked: boolean;
  readonly reason: string;
  /** It was running something. */
  readonly wasBusy: boolean;
  /** How long that took. */
  readonly busyMs: number;
}

export interface WorkerListener {
  loaded(worker: TaskWorker, offer: WorkerOffer): void;
  loadFailed(worker: TaskWorker, failure: LoadFailure): void;
  registered(worker: TaskWorker, registered: Registered): void;
  answered(worker: TaskWorker, answers: readonly WorkerAnswer[]): void;
  /** `task` is null for what no task has printed. */
  output(task: string | null, func: string, stream: OutputStream, line: string): void;
  /** Lines of a flood that were not handed to {@link output}. */
  dropped(task: string | null, func: string, lines: number): void;
  /** Rejects with what the worker is told. */
  call(call: WorkerCall): Promise<unknown>;
  ended(worker: TaskWorker, end: WorkerEnd): void;
}
