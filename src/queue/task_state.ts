/**
 * What the program knows of a task of its spool: one value of one union. Every change of it goes through
 * next_state.ts. @pure
 *
 *     recorded ──seen──► ready ◄──due── deferred
 *                          │ ▲            ▲
 *            claimed by the program, or   │ settled
 *              handed to workers ▼ │      │
 *                  running, handed ─┴─────┘ ── settled, gone ──► forgotten
 *
 * Beside these a ready task may turn out to be held by another program, to be unusable, or to wait for
 * the limit of its handler; one that has run may be postponed, or stuck.
 */

import type { Executor } from "../exec/executor.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { RunningBatch } from "../spool/running.ts";
import type { SeenTask } from "../spool/task.ts";
import type { TaskVerdict } from "./settlement.ts";
import type { RunLimit, TaskShare } from "./task_limits.ts";

/**
 * Who starts a task: workers may be handed it unread; or the program reads it first, because it has
 * failed before, for example; or the same, and this handler has declined it already.
 */
export type Route = "workers" | "program" | Executor;

/** A worker that tasks are handed to. The table only compares them. */
export type TaskHolder = object;

/** Tasks that a worker was handed together, and that are noted together as running. */
export interface Batch {
  /** The workers that have them: one, unless others help. */
  readonly workers: readonly TaskHolder[];
  /** Made when it is known which tasks these are. */
  note: RunningBatch | null;
  /** How many of them are still handed out: the table counts. */
  left: number;
}

/** Failures or a crash are on record, but its file has not been seen, or there was no room for it. */
export interface Recorded extends TaskRef {
  readonly kind: "recorded";
}

/** Waits for its turn. */
export interface Ready extends SeenTask {
  readonly kind: "ready";
  readonly route: Route;
  /** Whose turn starts it, where that is asked: null while its file has not been read for that. */
  readonly share: TaskShare | null;
}

/** Waits for its time. */
export interface Deferred extends SeenTask {
  readonly kind: "deferred";
  readonly route: Route;
}

/**
 * Left alone by this program for a while, which its file does not say: nobody here has a handler for it,
 * for example. `mtimeMs` is what its file said.
 */
export interface Postponed extends SeenTask {
  readonly kind: "postponed";
  readonly route: Route;
  readonly mtimeMs: number;
}

/**
 * It has run, and its fate cannot be written: it is not run again, and the fate is tried again.
 * `file` is the identity of its file; null when that is not known.
 */
export interface Stuck extends TaskRef {
  readonly kind: "stuck";
  readonly verdict: TaskVerdict;
  readonly file: string | null;
}

/** Waits for a run of its handler to end, which has a limit of its own. */
export interface Limited extends SeenTask {
  readonly kind: "limited";
  readonly route: Route;
  readonly handler: Executor;
}

/** Another program has it. */
export interface HeldElsewhere extends TaskRef {
  readonly kind: "held";
  readonly route: Route;
}

/** It cannot be read, is not yet whole, or could not be removed when it is done. */
export interface Unusable extends TaskRef {
  readonly kind: "unusable";
  readonly route: Route;
  readonly reason: string;
  /** Another one means that its file has changed; null when it is not known. */
  readonly stamp: string | null;
}

/** The program has claimed it and runs it. */
export interface Running extends TaskRef {
  readonly kind: "running";
  /** When this has a limit, the run counts. */
  readonly handler: Executor | null;
  /** The run counts for these, too. */
  readonly limits: readonly RunLimit[];
  /** Something about its file changed meanwhile. */
  readonly touched: boolean;
}

/** Workers have its name. */
export interface Handed extends SeenTask {
  readonly kind: "handed";
  readonly workers: readonly TaskHolder[];
  readonly batch: Batch;
  /** How many idle workers were given it beside the slow one that had it first. */
  readonly helped: number;
  readonly touched: boolean;
}

/** Its fate is on disk, and what follows from it goes on: a command for a task that was given up. */
export interface Settling extends TaskRef {
  readonly kind: "settling";
  readonly touched: boolean;
}

export type TaskState =
  | Recorded
  | Ready
  | Deferred
  | Postponed
  | Limited
  | HeldElsewhere
  | Unusable
  | Running
  | Handed
  | Settling
  | Stuck;

export type StateKind = TaskState["kind"];
