/**
 * What the program knows of a task of its spool: one value of one union, and the function that every
 * change of it goes through. @pure
 *
 *     recorded ──seen──► ready ◄──due── deferred
 *                          │ ▲            ▲
 *            claimed by the program, or   │ settled
 *              handed to workers ▼ │      │
 *                  running, handed ─┴─────┘ ── settled, gone ──► forgotten
 *
 * Beside these a ready task may turn out to be held by another program, to be unusable, or to wait for
 * the limit of its handler.
 */

import type { Executor } from "../exec/executor.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { RunningBatch } from "../spool/running.ts";
import type { SeenTask } from "../spool/task.ts";
import type { TaskEvent } from "./task_event.ts";

/**
 * Who starts a task: workers may be handed it unread; or the program reads it first, because it has
 * failed before, for example; or the same, and this handler has declined it already.
 */
export type Route = "workers" | "program" | Executor;

/** Whoever tasks are handed to. The table compares them, and knows nothing more of them. */
export type Holder = object;

/** Tasks that a worker was handed together, and that are noted together as running. */
export interface Batch {
  /** The workers that have them: one, unless others help. */
  readonly workers: readonly Holder[];
  /** Made when it is known which tasks these are. */
  note: RunningBatch | null;
}

/** Failures or a crash are on record, but its file has not been seen, or there was no room for it. */
export interface Recorded extends TaskRef {
  readonly kind: "recorded";
}

/** Waits for its turn. */
export interface Ready extends SeenTask {
  readonly kind: "ready";
  readonly route: Route;
}

/** Waits for its time. */
export interface Deferred extends SeenTask {
  readonly kind: "deferred";
  readonly route: Route;
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

/** It cannot be read, or is not yet whole. */
export interface Unusable extends TaskRef {
  readonly kind: "unusable";
  readonly route: Route;
  readonly reason: string;
}

/** The program has claimed it and runs it. */
export interface Running extends TaskRef {
  readonly kind: "running";
  /** When this has a limit, the run counts. */
  readonly handler: Executor | null;
  /** Something about its file changed meanwhile. */
  readonly touched: boolean;
}

/** Workers have its name. */
export interface Handed extends SeenTask {
  readonly kind: "handed";
  readonly workers: readonly Holder[];
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
  | Limited
  | HeldElsewhere
  | Unusable
  | Running
  | Handed
  | Settling;

export type StateKind = TaskState["kind"];

/**
 * The state that an event leads to; null is a task that is not known (any more). The same value when
 * nothing changes.
 *
 * @throws {TypeError} when the event cannot happen to a task in that state
 */
export function next(state: TaskState | null, event: TaskEvent): TaskState | null {
  switch (event.type) {
    case "seen":
      return seen(state, event.task, event.now);
    case "handed":
      if (state?.kind !== "ready") break;
      return handed(state, event.batch.workers, event.batch, 0, false);
    case "gone":
      if (state === null || state.kind === "settling") break;
      return null;
    case "due":
      if (state?.kind !== "deferred") break;
      return ready(state, state.dueAt, state.route);
    case "claimed":
      if (state?.kind !== "ready" && state?.kind !== "handed") break;
      return running(state, event.handler, false);
    case "settled":
      if (state?.kind === "settling" || state?.kind === "running" || state?.kind === "handed") {
        return event.task && placed(event.task, event.now, event.route);
      }
      break;
    case "recorded":
      if (state !== null) break;
      return { kind: "recorded", name: event.task.name, priority: event.task.priority };
    case "crowded out":
      if (state?.kind !== "ready" && state?.kind !== "deferred") break;
      if (state.route === "workers") return null;
      return { kind: "recorded", name: state.name, priority: state.priority };
    case "limited":
      if (state?.kind !== "ready") break;
      return limited(state, event.handler);
    case "admitted":
      if (state?.kind !== "limited") break;
      return ready(state, state.dueAt, state.route);
    case "busy":
      if (state?.kind === "ready") return held(state, state.route);
      if (state?.kind === "handed") return held(state, "workers");
      break;
    case "unusable":
      if (state?.kind !== "ready") break;
      return unusable(state, state.route, event.reason);
    case "helped":
      if (state?.kind !== "handed" || state.workers.includes(event.worker)) break;
      return handed(
        state,
        [...state.workers, event.worker],
        state.batch,
        state.helped + 1,
        state.touched,
      );
    case "let go": {
      if (state?.kind !== "handed" || !state.workers.includes(event.worker)) break;
      const workers = state.workers.filter((each) => each !== event.worker);
      if (workers.length === 0) break;
      return handed(state, workers, state.batch, state.helped, state.touched);
    }
    case "returned":
      if (state?.kind !== "handed") break;
      return ready(state, state.dueAt, event.route);
    case "touched":
      return touched(state);
    case "given up":
      if (state?.kind === "ready" || state?.kind === "running" || state?.kind === "handed") {
        return { kind: "settling", name: state.name, priority: state.priority, touched: false };
      }
      break;
    default:
      event satisfies never;
  }
  throw new TypeError(`a task that is ${state?.kind ?? "unknown"} cannot be ${event.type}`);
}

function seen(state: TaskState | null, task: SeenTask, now: number): TaskState | null {
  switch (state?.kind) {
    case undefined:
      return placed(task, now, "workers");
    case "recorded":
      return placed(task, now, "program");
    case "ready":
      // The wall clock may have been set back: what was due then need not be due now.
      return state.dueAt === task.dueAt && task.dueAt <= now
        ? state
        : placed(task, now, state.route);
    case "deferred":
      return state.dueAt === task.dueAt ? state : placed(task, now, state.route);
    case "held":
    case "unusable":
      return placed(task, now, state.route);
    case "limited":
      return state;
    case "running":
    case "handed":
    case "settling":
      return touched(state);
    default:
      return state satisfies never;
  }
}

function touched(state: TaskState | null): TaskState {
  switch (state?.kind) {
    case "running":
      return state.touched ? state : running(state, state.handler, true);
    case "handed":
      return state.touched ? state : handed(state, state.workers, state.batch, state.helped, true);
    case "settling":
      return state.touched ? state : { ...state, touched: true };
    default:
      throw new TypeError(`a task that is ${state?.kind ?? "unknown"} cannot be touched`);
  }
}

// Each kind is made in one place, so that all values of it have one shape.

function placed(task: SeenTask, now: number, route: Route): Ready | Deferred {
  return task.dueAt > now ? deferred(task, route) : ready(task, task.dueAt, route);
}

function ready({ name, priority }: TaskRef, dueAt: number, route: Route): Ready {
  return { kind: "ready", name, priority, dueAt, route };
}

function deferred({ name, priority, dueAt }: SeenTask, route: Route): Deferred {
  return { kind: "deferred", name, priority, dueAt, route };
}

function limited({ name, priority, dueAt, route }: Ready, handler: Executor): Limited {
  return { kind: "limited", name, priority, dueAt, route, handler };
}

function held({ name, priority }: TaskRef, route: Route): HeldElsewhere {
  return { kind: "held", name, priority, route };
}

function unusable({ name, priority }: TaskRef, route: Route, reason: string): Unusable {
  return { kind: "unusable", name, priority, route, reason };
}

function running({ name, priority }: TaskRef, handler: Executor | null, touched: boolean): Running {
  return { kind: "running", name, priority, handler, touched };
}

function handed(
  { name, priority, dueAt }: SeenTask,
  workers: readonly Holder[],
  batch: Batch,
  helped: number,
  touched: boolean,
): Handed {
  return { kind: "handed", name, priority, dueAt, workers, batch, helped, touched };
}
