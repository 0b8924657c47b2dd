/**
 * From the vars of a task packet to a task: the keys that are instructions for the spooler (`at`,
 * `priority`, `spooler`, `body`) are read. As in uWSGI they stay part of the task, for its function
 * to see, but for the body, which goes behind the vars.
 *
 * Where uWSGI guesses (a `priority` becomes a path, an `at` its leading digits), this refuses.
 *
 * @pure
 */

import type { NewTask } from "./new_task.ts";
import { findText, findVar, sameBytes, type Var, varText, withoutVar } from "../wire/packet.ts";
import { RequestError } from "./request_error.ts";
import { readAfter, WAITING_SECONDS } from "./after.ts";
import { readUnique } from "./unique.ts";

export { RequestError } from "./request_error.ts";

export interface TaskRequest {
  readonly task: NewTask;
  /** The value of `spooler`: which spool it is for. */
  readonly spooler: string | undefined;
}

/** The function that a task names, or "". */
export function funcOf({ vars }: Pick<NewTask, "vars">): string {
  const name = findVar(vars, "ud_spool_func");
  if (name === undefined) return "";
  if (sameBytes(name, lastFunc.bytes)) return lastFunc.text;
  const text = varText(name);
  if (name.length <= LONGEST_KEPT) lastFunc = { bytes: name.slice(), text };
  return text;
}

/** Many tasks of one function come one after the other, and to decode a text costs more than to compare it. */
let lastFunc: { readonly bytes: Uint8Array; readonly text: string } = {
  bytes: new Uint8Array(0),
  text: "",
};
const LONGEST_KEPT = 256;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The last second a timestamp of ours may name: the end of the year 9999. */
const LAST_SECOND = 253_402_300_799;
const LONGEST_PRIORITY = 9;

/**
 * @param vars the task's keys and values as they came
 * @param file what a file of just these holds, where somebody has that
 * @throws {RequestError} when a service key has a value that means nothing
 */
export function readRequest(
  vars: readonly Var[],
  file: Uint8Array<ArrayBuffer> | null = null,
): TaskRequest {
  const at = findText(vars, "at");
  const priority = findText(vars, "priority");
  const body = findVar(vars, "body");
  const unique = readUnique(vars);
  const after = readAfter(vars);
  const task: Writable<NewTask> = { vars: withoutVar(vars, "body") };
  if (body !== undefined) task.body = body;
  else if (file !== null) task.file = file;
  if (at !== undefined) task.at = parseAt(at) * 1000;
  if (after.length > 0) {
    task.at = WAITING_SECONDS * 1000;
    task.after = after;
  }
  if (priority !== undefined) task.priority = parsePriority(priority);
  if (unique !== null) task.unique = unique;
  return { task, spooler: findText(vars, "spooler") };
}

/** Seconds since the epoch; a fraction, as Python's time.time() has one, is cut off as in uWSGI. */
export function parseAt(text: string): number {
  const seconds = Math.floor(Number(text));
  if (!/^\d+(\.\d*)?$/.test(text) || seconds > LAST_SECOND) {
    throw new RequestError(`at needs seconds since the epoch: "${text}"`);
  }
  return seconds;
}

export function parsePriority(text: string): number {
  if (!/^\d+$/.test(text) || text.length > LONGEST_PRIORITY) {
    throw new RequestError(`priority needs digits only, ${LONGEST_PRIORITY} at most: "${text}"`);
  }
  return Number(text);
}
