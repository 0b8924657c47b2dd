/**
 * How people and programs name a task: `[failed/][<digits>/]NAME`, with or without its prefix.
 *
 * @pure
 */

import {
  FAILED_DIR,
  isPriorityName,
  isTaskName,
  madeAt,
  TASK_PREFIX,
  taskLabel,
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

/** Of the end of a name so many digits are enough, when no other name has them. */
const SHORTEST_END = 3;

/**
 * Whether a word is the beginning of a task's name, or its last digits. Names that somebody has thought
 * of are not cut within a number: `job-1` is not short for `job-10`.
 */
export function isShortFor({ name: typed }: TaskWord, name: string): boolean {
  const word = taskLabel(typed);
  const label = taskLabel(name);
  const cutsNumber = (at: number) =>
    madeAt(name) === null && /^\d\d$/.test(label.slice(at - 1, at + 1));
  if (label.startsWith(word)) return !cutsNumber(word.length);
  const isEnd = label.endsWith(word) && /\d$/.test(word) && word.length >= SHORTEST_END;
  return isEnd && !cutsNumber(label.length - word.length);
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
