/** Which tasks a command is for, when they are not named: `--state`, `--func`, `--older`. */

import {
  type Filter,
  type Inspected,
  type ListedStateKind,
  type PlacedTask,
  STATE_KINDS,
} from "../spool/inspected.ts";
import { findText } from "../wire/packet.ts";
import { UsageError } from "./error.ts";
import { type OpenSpool, parseDurationOption } from "./spools.ts";

/** What the person asked for. */
export interface ListFilter extends Filter {
  /** Only tasks of this function. */
  readonly func?: string;
}

/** @throws {UsageError} */
export function readFilter(
  options: { readonly state?: string; readonly func?: string; readonly older?: string },
  now: number,
): ListFilter {
  const { state, func, older } = options;
  return {
    ...(state === undefined ? {} : { states: state.split(",").map(parseState) }),
    ...(func === undefined ? {} : { func }),
    ...(older === undefined ? {} : { madeBefore: now - parseDurationOption("older", older) }),
  };
}

function parseState(text: string): ListedStateKind {
  const state = STATE_KINDS.find((kind) => kind === text);
  if (!state) throw new UsageError(`--state needs some of ${STATE_KINDS.join(",")}: "${text}"`);
  return state;
}

/** The tasks that the filter lets through, one by one. */
export function* matching({ inspector }: OpenSpool, filter: ListFilter): Generator<Inspected> {
  const hasFailed = inspector.failedBefore();
  const seen = (task: PlacedTask) =>
    inspector.mayPass(task, filter) && inspector.inspect(task, hasFailed(task));
  for (const tasks of inspector.list(filter)) {
    for (const placed of tasks) {
      const task = seen(placed);
      if (task && passes(task, filter)) yield task;
    }
  }
}

function passes(task: Inspected, { states, func, madeBefore }: ListFilter): boolean {
  if (states && !states.includes(task.state.kind)) return false;
  if (madeBefore !== undefined && task.madeAt >= madeBefore) return false;
  if (func === undefined) return true;
  const { content } = task;
  return content.kind === "task" && (findText(content.vars, "ud_spool_func") ?? "") === func;
}
