/**
 * What a task says of being the only one with its key, and the names that follow from it. The function and
 * the key make a hash, and a hash is a directory in `.spooler/unique/` (unique_claims.ts); the name of the
 * task's file begins with it, so that who ends the task knows its claim without reading it.
 *
 * @pure
 */

import { createHash } from "node:crypto";
import { findText, findVar, type Var } from "../wire/packet.ts";
import { RequestError } from "./request_error.ts";
import { TASK_PREFIX } from "./task_name.ts";

/** A task with the same key of the same function is put once while it waits. */
export const UNIQUE_VAR = "spooler_unique";
/** `start` (also when absent): until the first has started; `done`: until it has ended. */
export const UNTIL_VAR = "spooler_unique_until";
/** `keep` (also when absent): the first stays; `replace`: the later one takes its place. */
export const MODE_VAR = "spooler_unique_mode";

export const UNIQUE_UNTILS = ["start", "done"] as const;
export const UNIQUE_MODES = ["keep", "replace"] as const;

/** What a put asks for. */
export interface UniqueWish {
  /** Of function and key. */
  readonly hash: string;
  readonly until: typeof UNIQUE_UNTILS[number];
  readonly mode: typeof UNIQUE_MODES[number];
}

/** Of 96 bits: two keys never share one. */
const HASH_LENGTH = 24;
const NAME_START = `${TASK_PREFIX}unique-`;
const NONE = new Uint8Array(0);

/**
 * @returns null for a task without a key
 * @throws {RequestError}
 */
export function readUnique(vars: readonly Var[]): UniqueWish | null {
  const key = findVar(vars, UNIQUE_VAR);
  if (key === undefined) return null;
  if (key.length === 0) throw new RequestError(`${UNIQUE_VAR} needs a key`);
  const func = findVar(vars, "ud_spool_func") ?? NONE;
  return {
    hash: hashOf(func, key),
    until: oneOf(UNIQUE_UNTILS, UNTIL_VAR, findText(vars, UNTIL_VAR)),
    mode: oneOf(UNIQUE_MODES, MODE_VAR, findText(vars, MODE_VAR)),
  };
}

function oneOf<T extends string>(words: readonly [T, ...T[]], name: string, text?: string): T {
  const found = words.find((word) => word === (text ?? words[0]));
  if (found !== undefined) return found;
  throw new RequestError(`${name} needs ${words.join(" or ")}: "${text}"`);
}

/** The length in front keeps "ab" with "c" apart from "a" with "bc". */
function hashOf(func: Uint8Array, key: Uint8Array): string {
  const hash = createHash("sha256").update(`${func.length}:`).update(func).update(key);
  return hash.digest("hex").slice(0, HASH_LENGTH);
}

/** The name of a task's file, from the one it would have without a key. */
export function uniqueName(name: string, hash: string): string {
  return `${NAME_START}${hash}.${name.slice(TASK_PREFIX.length)}`;
}

/** The hash in the name of a task's file; null for a task without a key. */
export function hashInName(name: string): string | null {
  if (!name.startsWith(NAME_START)) return null;
  const hash = name.slice(NAME_START.length, NAME_START.length + HASH_LENGTH);
  return isHash(hash) && name[NAME_START.length + HASH_LENGTH] === "." ? hash : null;
}

export function isHash(text: string): boolean {
  return text.length === HASH_LENGTH && /^[0-9a-f]+$/.test(text);
}

/** Whose a claim is. */
export interface UniqueEntry {
  /** The task, as `NAME` or `<digits>/NAME`. */
  readonly id: string;
  /** The task whose place it takes: that one is to go, if it has not started. */
  readonly replaces: string | null;
}

// A name of a file has 255 bytes, and two tasks in it: what all with the hash share is left out.

/** The name of a claim's file. */
export function entryName({ id, replaces }: UniqueEntry): string {
  return replaces === null ? shortened(id) : `${shortened(id)}+${shortened(replaces)}`;
}

/** The other way round; null when it is none. */
export function entryOf(name: string, hash: string): UniqueEntry | null {
  const [own = "", old, ...more] = name.split("+");
  const id = lengthened(own, hash);
  const replaces = old === undefined ? null : lengthened(old, hash);
  return id === null || more.length > 0 || old !== undefined && replaces === null
    ? null
    : { id, replaces };
}

function shortened(id: string): string {
  const slash = id.indexOf("/");
  const priority = slash < 0 ? "" : `${id.slice(0, slash)},`;
  return priority + id.slice(slash + 1 + NAME_START.length + HASH_LENGTH + 1);
}

function lengthened(text: string, hash: string): string | null {
  const [, priority, rest] = /^(?:(\d+),)?([^,/]+)$/.exec(text) ?? [];
  if (rest === undefined) return null;
  return `${priority === undefined ? "" : `${priority}/`}${NAME_START}${hash}.${rest}`;
}
