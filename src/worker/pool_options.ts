/** What a pool of workers is made with, and what it reports. Types only. */

import type { Tasks } from "../queue/tasks.ts";
import type { Emit } from "../report/event.ts";
import type { ModuleRef, Setup, WorkerAnswer } from "./message.ts";
import type { Registered } from "./registered.ts";
import type { WorkerCommand } from "./process.ts";
import type { RecyclingOptions } from "./recycling.ts";
import type { SocketDirectory } from "./sockets.ts";
import type { TaskWorker } from "./task_worker.ts";
import type { WorkerCall, WorkerEnd } from "./worker_listener.ts";

export interface PoolOptions extends RecyclingOptions {
  /** The spool's name, for the log. */
  readonly spool: string;
  readonly modules: readonly ModuleRef[];
  readonly command: WorkerCommand;
  /** The setup of each worker, but for its number and its modules. */
  readonly setup: Omit<Setup, "worker" | "modules">;
  readonly sockets: SocketDirectory;
  /** The table of its spool. */
  readonly tasks: Tasks;
  /** Workers at the same time. */
  readonly size: number;
  readonly harakiriMs: number | null;
  readonly loadLimitMs?: number;
  /** Aborted when the program stops. */
  readonly stopping?: AbortSignal;
  readonly emit: Emit;
  /** A history keeps what its tasks print. */
  readonly keepsOutput?: boolean | undefined;
  /** Called with what the code has registered, whenever that changes. */
  registered(registered: Registered): void;
  /** Rejects with the error for the worker. */
  call(call: WorkerCall): Promise<unknown>;
  /** What it had asked for is of no use to it any more. */
  gone(worker: TaskWorker): void;
}

/** Who hands out tasks that were not chosen, and needs to know what became of them. */
export interface PoolListener {
  answered(worker: TaskWorker, answers: readonly WorkerAnswer[]): void;
  /** It is gone, with these tasks unanswered. */
  ended(worker: TaskWorker, end: WorkerEnd): void;
  /** A worker may have become free, or what the modules offer has changed. */
  changed(): void;
}
