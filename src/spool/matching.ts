/** The tasks of a spool that a filter lets through. */

import { findText } from "../wire/packet.ts";
import type { Inspector } from "./inspect.ts";
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
  const hasFailed = inspector.failedBefore();
  const seen = (task: PlacedTask) =>
    inspector.mayPass(task, filter) && inspector.inspect(task, hasFailed(task));
  for (const tasks of inspector.list(filter)) {
    for (const placed of tasks) {
      examined();
      const task = seen(placed);
      if (task && passes(task, filter)) yield task;
    }
  }
}

/** Whether a task is one that the filter lets through. */
export function passes(task: Inspected, { states, func, madeBefore }: ListFilter): boolean {
  if (states && !states.includes(task.state.kind)) return false;
  if (madeBefore !== undefined && task.madeAt >= madeBefore) return false;
  if (func === undefined) return true;
  const { content } = task;
  return content.kind === "task" && (findText(content.vars, "ud_spool_func") ?? "") === func;
}
