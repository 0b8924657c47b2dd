/**
 * How people and programs name a task: `[failed/][<digits>/]NAME`, with or without its prefix.
 *
 * @pure
 */

import { FAILED_DIR, isPriorityName, isTaskName, TASK_PREFIX } from "../spool/layout.ts";
import { UsageError } from "./error.ts";
import { safeText } from "../report/safe_text.ts";

/** What a person typed, taken apart. */
export interface TaskWord {
  readonly name: string;
  /** Undefined when it was not said. */
  readonly priority: string | undefined;
  readonly failedOnly: boolean;
}

/**
 * @param spool the directory that a whole path begins with; undefined where it is not known yet
 * @throws {UsageError} when no task can have that name
 */
export function parseTaskWord(word: string, spool: string = spoolOfPath(word)): TaskWord {
  const isPath = word.startsWith("/");
  const parts = (isPath ? word.slice(spool.length + 1) : word).split("/");
  const failedOnly = parts[0] === FAILED_DIR && parts.length > 1;
  if (failedOnly) parts.shift();
  const last = parts.pop() ?? "";
  const priority = parts.pop();
  const isWrong = last === "" || (isPath && !isTaskName(last)) || last.includes("\0") ||
    parts.length > 0 ||
    (priority !== undefined && !isPriorityName(priority));
  if (isWrong) {
    throw new UsageError(`a task is NAME, PRIORITY/NAME or its path: "${safeText(word)}"`);
  }
  return { name: isTaskName(last) ? last : TASK_PREFIX + last, priority, failedOnly };
}

/**
 * The spool directory of a task's whole path, as the path alone gives it: without failed/ and a
 * priority. Empty for what is no path.
 */
export function spoolOfPath(word: string): string {
  if (!word.startsWith("/")) return "";
  const parts = word.split("/").slice(0, -1);
  if (isPriorityName(parts.at(-1) ?? "")) parts.pop();
  if (parts.at(-1) === FAILED_DIR) parts.pop();
  return parts.join("/");
}
