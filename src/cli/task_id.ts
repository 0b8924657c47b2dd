/**
 * How people and programs name a task: `[failed/][<digits>/]NAME`, with or without its prefix.
 *
 * @pure
 */

import type { PlacedTask } from "../spool/inspected.ts";
import {
  FAILED_DIR,
  isPriorityName,
  isTaskName,
  TASK_PREFIX,
  taskId,
  taskLabel,
  type TaskRef,
} from "../spool/layout.ts";
import { UsageError } from "./error.ts";
import { safeText } from "../report/safe_text.ts";

/** What a person typed, taken apart. */
export interface TaskWord {
  readonly name: string;
  /** Undefined when it was not said. */
  readonly priority: string | undefined;
  readonly failedOnly: boolean;
}

/** @throws {UsageError} when no task can have that name */
export function parseTaskWord(word: string): TaskWord {
  const parts = word.split("/");
  const failedOnly = parts[0] === FAILED_DIR && parts.length > 1;
  if (failedOnly) parts.shift();
  const last = parts.pop() ?? "";
  const priority = parts.pop();
  const isWrong = last === "" || last.includes("\0") || parts.length > 0 ||
    (priority !== undefined && !isPriorityName(priority));
  if (isWrong) throw new UsageError(`wants a task as NAME or <digits>/NAME: "${safeText(word)}"`);
  return { name: isTaskName(last) ? last : TASK_PREFIX + last, priority, failedOnly };
}

/** The name that finds this very task: `failed/` tells it from one that waits under the same name. */
export function placedId(task: PlacedTask): string {
  return task.place === "failed" ? `${FAILED_DIR}/${taskId(task)}` : taskId(task);
}

/** What people read and may type: without the prefix that all names share. */
export function shortId({ name, priority }: TaskRef): string {
  return safeText(taskId({ name: taskLabel(name), priority }));
}
