/** The tasks of a spool that a filter lets through. */

import type { Libc } from "../platform/libc.ts";
import { funcOf } from "../task/request.ts";
import type { Inspector } from "./inspect.ts";
import type { TaskRef } from "./layout.ts";
import { type Filter, type Inspected, type PlacedTask, STATE_KINDS } from "./inspected.ts";
import { PieceReaders } from "./piece_readers.ts";
import { LEFT_OUT, type PlainTask } from "./plain_task.ts";

/** What the person asked for. */
export interface ListFilter extends Filter {
  /** Only tasks of this function. */
  readonly func?: string;
}

/**
 * The tasks that the filter lets through, one by one.
 *
 * @param examined called for each task that was examined, let through or not
 */
export function* matching(
  inspector: Inspector,
  filter: ListFilter,
  examined: () => void = () => {},
): Generator<Inspected> {
  const match = matcher(inspector, filter);
  for (const tasks of inspector.list(filter)) {
    for (const placed of tasks) {
      examined();
      const task = match(placed);
      if (task !== null) yield task;
    }
  }
}

/** What a long listing wants, in a process that has claimed no task. */
export interface Survey {
  readonly inspector: Inspector;
  /** Null where libc cannot be called. */
  readonly libc: Libc | null;
  readonly filter: ListFilter;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Called for each task that was examined, let through or not. */
  readonly examined: () => void;
  /** Called for each that the filter lets through. */
  readonly found: (task: PlainTask | Inspected) => void;
}

/**
 * Like {@link matching}, but most tasks are read with a third of the effort, and say no more than a row of
 * a table needs. Yields from time to time.
 */
export function* survey(
  { inspector, libc, filter, now, examined, found }: Survey,
): Generator<void> {
  const { states = STATE_KINDS } = filter;
  const hasFailed = inspector.failedBefore();
  const match = matcher(inspector, filter, hasFailed);
  const add = (task: PlainTask | Inspected | null) => {
    examined();
    if (task !== null) found(task);
  };
  using readers = libc && new PieceReaders(libc, filter, now);
  const visiting = readers && inspector.visitQueue(readers, (placed, task) => {
    add(task === LEFT_OUT ? null : task === null || hasFailed(placed) ? match(placed) : task);
  });
  if (visiting && states.some((state) => state !== "failed")) yield* visiting;
  const rest = visiting ? states.filter((state) => state === "failed") : states;
  for (const tasks of inspector.list({ ...filter, states: rest })) {
    for (const placed of tasks) add(match(placed));
    yield;
  }
}

/**
 * For who goes through a listing at a pace of their own: a task as the filter lets it through, or null.
 *
 * @param hasFailed which tasks have failed before; to find that out for all takes a while with many
 */
export function matcher(
  inspector: Inspector,
  filter: ListFilter,
  hasFailed: (task: TaskRef) => boolean = inspector.failedBefore(),
): (placed: PlacedTask) => Inspected | null {
  return (placed) => {
    if (!inspector.mayPass(placed, filter)) return null;
    const task = inspector.inspect(placed, hasFailed(placed));
    return task !== null && passes(task, filter) ? task : null;
  };
}

/** Whether a task is one that the filter lets through. */
export function passes(task: Inspected, { states, func, madeBefore }: ListFilter): boolean {
  if (states && !states.includes(task.state.kind)) return false;
  if (madeBefore !== undefined && task.madeAt >= madeBefore) return false;
  if (func === undefined) return true;
  const { content } = task;
  return content.kind === "task" && funcOf(content) === func;
}
