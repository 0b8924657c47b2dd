/** From one state of a task to the next: the only function that changes what is known of a task. @pure */

import type { Executor } from "../exec/executor.ts";
import { ImpossibleStateError } from "../platform/unexpected.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { SeenTask } from "../spool/task.ts";
import type { TaskEvent } from "./task_event.ts";
import type { RunLimit } from "./task_limits.ts";
import type {
  Batch,
  Deferred,
  Handed,
  HeldElsewhere,
  Limited,
  Postponed,
  Ready,
  Route,
  Running,
  TaskHolder,
  TaskState,
  Unusable,
} from "./task_state.ts";

/**
 * The state that an event leads to; null is a task that is not known (any more). The same value when
 * nothing changes.
 *
 * @throws {ImpossibleStateError} when the event cannot happen to a task in that state
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
    case "postponed":
      if (state?.kind !== "running" && state?.kind !== "handed" && state?.kind !== "ready") break;
      return postponed(event.task, event.dueAt, event.route);
    case "stuck": {
      if (state?.kind !== "running" && state?.kind !== "handed") break;
      const { name, priority } = state;
      return { kind: "stuck", name, priority, verdict: event.verdict, file: event.file };
    }
    case "due":
      if (state?.kind !== "deferred" && state?.kind !== "postponed") break;
      return ready(state, state.dueAt, state.route);
    case "sorted":
      if (state?.kind !== "ready") break;
      return { ...state, share: event.share };
    case "claimed":
      if (state?.kind !== "ready" && state?.kind !== "handed") break;
      return running(state, event.handler, event.limits ?? NO_LIMITS, false);
    case "settled":
      if (
        state?.kind === "settling" || state?.kind === "running" || state?.kind === "handed" ||
        state?.kind === "stuck"
      ) {
        return event.task && placed(event.task, event.now, event.route);
      }
      break;
    case "recorded":
      if (state !== null) break;
      return { kind: "recorded", name: event.task.name, priority: event.task.priority };
    case "crowded out":
      if (!isPlaced(state)) break;
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
      if (state?.kind === "ready") return unusable(state, state.route, event);
      if (state?.kind === "running" || state?.kind === "handed") {
        return unusable(state, "program", event);
      }
      break;
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
      if (
        state?.kind === "ready" || state?.kind === "running" || state?.kind === "handed" ||
        state?.kind === "stuck"
      ) {
        return { kind: "settling", name: state.name, priority: state.priority, touched: false };
      }
      break;
    default:
      event satisfies never;
  }
  throw new ImpossibleStateError(
    `a task that is ${state?.kind ?? "unknown"} cannot be ${event.type}`,
  );
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
    case "postponed":
      return state.mtimeMs === task.dueAt ? state : placed(task, now, state.route);
    case "limited":
    case "stuck":
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
      return state.touched ? state : running(state, state.handler, state.limits, true);
    case "handed":
      return state.touched ? state : handed(state, state.workers, state.batch, state.helped, true);
    case "settling":
      return state.touched ? state : { ...state, touched: true };
    default:
      throw new ImpossibleStateError(
        `a task that is ${state?.kind ?? "unknown"} cannot be touched`,
      );
  }
}

// Each kind is made in one place, so that all values of it have one shape.

function placed(task: SeenTask, now: number, route: Route): Ready | Deferred {
  return task.dueAt > now ? deferred(task, route) : ready(task, task.dueAt, route);
}

function isPlaced(state: TaskState | null): state is Ready | Deferred | Postponed {
  return state?.kind === "ready" || state?.kind === "deferred" || state?.kind === "postponed";
}

function ready({ name, priority }: TaskRef, dueAt: number, route: Route): Ready {
  return { kind: "ready", name, priority, dueAt, route, share: null };
}

function deferred({ name, priority, dueAt }: SeenTask, route: Route): Deferred {
  return { kind: "deferred", name, priority, dueAt, route };
}

function postponed({ name, priority, dueAt }: SeenTask, until: number, route: Route): Postponed {
  return { kind: "postponed", name, priority, dueAt: until, route, mtimeMs: dueAt };
}

function limited({ name, priority, dueAt, route }: Ready, handler: Executor): Limited {
  return { kind: "limited", name, priority, dueAt, route, handler };
}

function held({ name, priority }: TaskRef, route: Route): HeldElsewhere {
  return { kind: "held", name, priority, route };
}

function unusable(
  { name, priority }: TaskRef,
  route: Route,
  { reason, stamp }: Pick<Unusable, "reason" | "stamp">,
): Unusable {
  return { kind: "unusable", name, priority, route, reason, stamp };
}

function running(
  { name, priority }: TaskRef,
  handler: Executor | null,
  limits: readonly RunLimit[],
  touched: boolean,
): Running {
  return { kind: "running", name, priority, handler, limits, touched };
}

const NO_LIMITS: readonly RunLimit[] = [];

function handed(
  { name, priority, dueAt }: SeenTask,
  workers: readonly TaskHolder[],
  batch: Batch,
  helped: number,
  touched: boolean,
): Handed {
  return { kind: "handed", name, priority, dueAt, workers, batch, helped, touched };
}
