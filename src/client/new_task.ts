/** From what a caller asks for to the vars and the body of a task. @pure */

import { afterVars, readAfter, WAITING_SECONDS } from "../task/after.ts";
import { MODE_VAR, readUnique, UNIQUE_VAR, type UniqueWish, UNTIL_VAR } from "../task/unique.ts";
import { isInstruction, varsOfKeys } from "../wire/json_vars.ts";
import { textVar, type Var } from "../wire/packet.ts";

export interface PutOptions {
  /** Not before this time: a Date, or seconds since the epoch. */
  readonly at?: Date | number;
  /** 0 or more; lower runs first. */
  readonly priority?: number;
  /** What the task is about, of any size. */
  readonly body?: Uint8Array | string;
  /** Names of tasks of the same spool, as puts resolve with: it starts when they are done. */
  readonly after?: string | readonly string[];
  /**
   * While a task with this key of the same function waits, it is not put again: the put resolves with the
   * name of that one. See {@link UniqueOptions} for what else may be said.
   */
  readonly unique?: string | UniqueOptions;
  /** Ends the wait for an answer; what was sent already may be accepted all the same. */
  readonly signal?: AbortSignal;
}

export interface UniqueOptions {
  readonly key: string;
  /** `start`, the default: while the other waits; `done`: also while it runs. */
  readonly until?: UniqueWish["until"];
  /** `keep`, the default: the other stays; `replace`: it goes, if it has not started. */
  readonly mode?: UniqueWish["mode"];
}

/** The name of a function, or what `task` made of it. */
export type NamedTask = string | { readonly name: string };

/** One of many tasks. */
export interface TaskToPut extends PutOptions {
  readonly task: NamedTask;
  readonly keys?: object;
}

/** A task, ready to be written or sent. */
export interface EncodedTask {
  readonly vars: readonly Var[];
  readonly body: Uint8Array;
  /** Milliseconds since the epoch; null is now. */
  readonly at: number | null;
  readonly priority: number | null;
  readonly unique: UniqueWish | null;
}

const LARGEST_PRIORITY = 999_999_999;
const NO_BODY = new Uint8Array(0);

/**
 * @param spooler which spool of a peer it is for
 * @throws {TypeError} when a value cannot be part of a task; the message names it
 */
export function encodeTask(
  { task, keys = {}, at, priority, body, unique, after }: TaskToPut,
  spooler?: string,
): EncodedTask {
  const func = typeof task === "string" ? task : task.name;
  if (func === "") throw new TypeError("a task needs the name of its function");
  const instruction = Object.keys(keys).find(isInstruction);
  if (instruction !== undefined) {
    throw new TypeError(`a task cannot be given ${instruction}: that name is the spooler's own`);
  }
  const startsAt = at === undefined ? null : startOf(at);
  if (priority !== undefined && !isPriority(priority)) {
    throw new TypeError(`priority needs a whole number from 0 to ${LARGEST_PRIORITY}: ${priority}`);
  }
  const names = readAfter(afterVars(after === undefined ? [] : [after].flat()));
  const about = [textVar("ud_spool_func", func), ...uniqueVars(unique), ...afterVars(names)];
  return {
    vars: [
      ...about,
      ...varsOfKeys({ ...keys }),
      ...(startsAt === null ? [] : [textVar("at", String(startsAt / 1000))]),
      ...(priority === undefined ? [] : [textVar("priority", String(priority))]),
      ...(spooler === undefined ? [] : [textVar("spooler", spooler)]),
    ],
    body: typeof body === "string" ? new TextEncoder().encode(body) : body ?? NO_BODY,
    at: names.length > 0 ? WAITING_SECONDS * 1000 : startsAt,
    priority: priority ?? null,
    unique: readUnique(about),
  };
}

function uniqueVars(unique: TaskToPut["unique"]): Var[] {
  if (unique === undefined) return [];
  const { key, until, mode } = typeof unique === "string"
    ? { key: unique } as UniqueOptions
    : unique;
  const values = [[UNIQUE_VAR, key], [UNTIL_VAR, until], [MODE_VAR, mode]] as const;
  return values.flatMap(([name, value]) => value === undefined ? [] : [textVar(name, value)]);
}

function isPriority(priority: number): boolean {
  return Number.isInteger(priority) && priority >= 0 && priority <= LARGEST_PRIORITY;
}

/** Milliseconds since the epoch, of whole seconds: never before the time that is wanted. */
function startOf(at: Date | number): number {
  const seconds = Math.ceil(at instanceof Date ? at.getTime() / 1000 : at);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  throw new TypeError(`at needs a date, or seconds since the epoch: ${at}`);
}
