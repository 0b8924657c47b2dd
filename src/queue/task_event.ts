/** What can happen to a task, for the table of tasks. @pure */

import type { Executor } from "../exec/executor.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { SeenTask } from "../spool/task.ts";
import type { TaskVerdict } from "./settlement.ts";
import type { RunLimit, TaskShare } from "./task_limits.ts";
import type { Batch, Route, TaskHolder } from "./task_state.ts";

export type TaskEvent =
  /** The start found a record of it. */
  | { readonly type: "recorded"; readonly task: TaskRef }
  /** A scan or the watcher found its file as it is now. */
  | { readonly type: "seen"; readonly task: SeenTask; readonly now: number }
  | { readonly type: "due" }
  /** More tasks are known than the table may hold. */
  | { readonly type: "crowded out" }
  /** Its file was read, and says whose it is. */
  | { readonly type: "sorted"; readonly share: TaskShare }
  /** @see Running */
  | {
    readonly type: "claimed";
    readonly handler: Executor | null;
    readonly limits?: readonly RunLimit[];
  }
  | { readonly type: "limited"; readonly handler: Executor }
  /** A run of its handler has ended. */
  | { readonly type: "admitted" }
  | { readonly type: "busy" }
  | { readonly type: "unusable"; readonly reason: string; readonly stamp: string | null }
  /** Its file is gone: done here or elsewhere, removed or moved. */
  | { readonly type: "gone" }
  | { readonly type: "handed"; readonly batch: Batch }
  | { readonly type: "helped"; readonly worker: TaskHolder }
  /** One of several workers has it no longer. */
  | { readonly type: "let go"; readonly worker: TaskHolder }
  /** Workers return it for the program to read. */
  | { readonly type: "returned"; readonly route: Route }
  | { readonly type: "touched" }
  /** Its run is over and its fate on disk. `task` is its file as that left it, null when it is gone. */
  | {
    readonly type: "settled";
    readonly task: SeenTask | null;
    readonly route: Route;
    readonly now: number;
  }
  | { readonly type: "given up" }
  /** Its file stays as it is, and this program leaves it alone until `dueAt`. */
  | {
    readonly type: "postponed";
    readonly task: SeenTask;
    readonly dueAt: number;
    readonly route: Route;
  }
  /** It has run, and its fate cannot be written. */
  | {
    readonly type: "stuck";
    readonly verdict: TaskVerdict;
    readonly file: string | null;
  };

/** Events that say nothing more. */
export const DUE = { type: "due" } as const;
export const CROWDED_OUT = { type: "crowded out" } as const;
export const ADMITTED = { type: "admitted" } as const;
export const BUSY = { type: "busy" } as const;
export const GONE = { type: "gone" } as const;
export const TOUCHED = { type: "touched" } as const;
export const GIVEN_UP = { type: "given up" } as const;
