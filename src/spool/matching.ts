/** The tasks of a spool that a filter lets through. */

import { funcOf } from "../task/request.ts";
import type { Inspector } from "./inspect.ts";
import type { TaskRef } from "./layout.ts";
import type { Filter, Inspected, PlacedTask } from "./inspected.ts";

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
