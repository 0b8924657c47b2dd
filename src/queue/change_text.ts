/** A change of the table of tasks as a line of the log. @pure */

import { nameToShow } from "../platform/name.ts";
import type { TaskEvent } from "./task_event.ts";
import type { TaskShare } from "./task_limits.ts";
import type { TaskState } from "./task_state.ts";

export function changeText(
  id: string,
  before: TaskState | null,
  event: TaskEvent,
  after: TaskState | null,
): string {
  const from = before?.kind ?? "unknown";
  const to = after === null ? "unknown" : stateText(after);
  return `${nameToShow(id)}: ${from} → ${to} (${event.type})`;
}

function stateText(state: TaskState): string {
  switch (state.kind) {
    case "deferred":
    case "postponed":
      return `${state.kind} until ${new Date(state.dueAt).toISOString()}`;
    case "ready":
      if (state.share !== null) return `ready, ${shareText(state.share)}`;
      return state.route === "workers" ? "ready" : "ready, for the program to claim";
    case "limited":
      return `limited, handler ${state.handler.name ?? "of all tasks"}`;
    case "unusable":
      return `unusable, ${state.reason}`;
    case "handed":
      return `handed${state.workers.length > 1 ? ` to ${state.workers.length} workers` : ""}${
        state.touched ? ", touched" : ""
      }`;
    case "running":
    case "settling":
      return `${state.kind}${state.touched ? ", touched" : ""}`;
    case "recorded":
    case "stuck":
    case "held":
      return state.kind;
    default:
      return state satisfies never;
  }
}

function shareText({ limits }: TaskShare): string {
  return limits.length === 0 ? "no limit" : `limit ${limits.map(({ text }) => text).join(" and ")}`;
}
