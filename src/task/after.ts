/**
 * Tasks that start when others are done: `spooler_after` has their names. Until then the mtime of the file
 * says {@link WAITING_SECONDS}, so that nobody starts it, a uWSGI and older programs among them; the
 * program gives it its time when the last of the others is done.
 *
 * @pure
 */

import { findText, textVar, type Var } from "../wire/packet.ts";
import { RequestError } from "./request_error.ts";
import { TASK_PREFIX } from "./task_name.ts";

/** Names of tasks of the same spool, with blanks between them. */
export const AFTER_VAR = "spooler_after";

/** 2038-01-19T03:14:07Z: the last second that every file system keeps. */
export const WAITING_SECONDS = 2 ** 31 - 1;

/** Whether a task with this mtime may wait for others. */
export function mayWaitForOthers(mtimeMs: number): boolean {
  return mtimeMs === WAITING_SECONDS * 1000;
}

/** Of more the packet has no room anyway. */
const MOST_NAMES = 1000;

/**
 * The names, each once and without a priority: a name is given to one task of a spool.
 *
 * @throws {RequestError}
 */
export function readAfter(vars: readonly Var[]): string[] {
  const text = findText(vars, AFTER_VAR);
  if (text === undefined) return [];
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const names = new Set(words.map(nameOf));
  if (names.size === 0) throw new RequestError(`${AFTER_VAR} needs the name of a task`);
  if (names.size > MOST_NAMES) {
    throw new RequestError(`${AFTER_VAR} takes ${MOST_NAMES} names at most: ${names.size}`);
  }
  return [...names];
}

/** As a put returned it, also with its priority and a slash, and without what all names begin with. */
function nameOf(word: string): string {
  const [, name = ""] = /^(?:\d+\/)?([^/]+)$/.exec(word) ?? [];
  if (name === "" || /[\p{C}]/u.test(name)) {
    throw new RequestError(`${AFTER_VAR} needs names of tasks: "${word}"`);
  }
  return name.startsWith(TASK_PREFIX) ? name : TASK_PREFIX + name;
}

/** The var that says it; none for no names. */
export function afterVars(names: readonly string[]): Var[] {
  return names.length === 0 ? [] : [textVar(AFTER_VAR, names.join(" "))];
}
