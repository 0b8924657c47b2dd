/**
 * What a worker is made with, and what it reports: what it offers, answers, prints and
 * asks for, and its end. Types only.
 */

import type { Clock } from "../platform/clock.ts";
import type { Tasks } from "../queue/tasks.ts";
import type { OutputStream, Overflow } from "../report/event.ts";
import type { WorkerTotals } from "../report/snapshot.ts";
import type { Setup, WorkerAnswer } from "./message.ts";
import type { Registered } from "./registered.ts";
import type { WorkerCommand } from "./process.ts";
import type { SocketDirectory } from "./sockets.ts";
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
  /** It was asked to, and did, or it ended with the program: what it was running has not failed. */
  readonly isAsked: boolean;
  readonly reason: string;
  /** The task that it last began, by its own word; null when it began none. */
  readonly began: string | null;
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
  /** What of these lines a history keeps; absent where none does. */
  overflow?(task: string | null, func: string, overflow: Overflow): void;
  /** Rejects with the error for the worker. */
  call(call: WorkerCall): Promise<unknown>;
  ended(worker: TaskWorker, end: WorkerEnd): void;
}

export interface WorkerOptions {
  readonly command: WorkerCommand;
  /** Of all workers that had its number. */
  readonly totals: WorkerTotals;
  readonly setup: Setup;
  readonly sockets: SocketDirectory;
  /** The table of its spool, which knows what it was handed. */
  readonly tasks: Pick<Tasks, "unanswered" | "answered">;
  readonly harakiriMs: number | null;
  /** How long its modules may take to load. */
  readonly loadLimitMs: number;
  /** Its process starts at once, but loads nothing before this resolves. */
  readonly mayLoad: Promise<void>;
  readonly clock: Clock;
  /** Aborted when the program stops: a worker that gets the stop's signal as well was interrupted. */
  readonly stopping?: AbortSignal;
  readonly listener: WorkerListener;
}
