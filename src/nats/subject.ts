/**
 * The subject of a task: its stream, and its function; a word between them where it has a priority, so
 * that workers can ask for such tasks first. Dots and stars have a meaning in subjects, and blanks are not
 * allowed, so that what is no letter, digit, `_` or `-` becomes `%` and two digits.
 *
 * @pure
 */

import { findVar, type Var } from "../wire/packet.ts";

/** In place of the function of a task that names none: no function's name becomes this. */
const NO_FUNCTION = "%";
/** A server accepts a line of 4,096 bytes, which holds the subject, a reply subject and two lengths. */
const LONGEST_TOKEN = 1024;

/** The subjects of all tasks of a stream. */
export function allSubjectsOf(stream: string): string {
  return `${stream}.>`;
}

/** @throws {RangeError} when the function's name is too long for a subject */
export function subjectOf(stream: string, vars: readonly Var[]): string {
  const token = functionToken(findVar(vars, "ud_spool_func") ?? new Uint8Array(0));
  return findVar(vars, "priority") === undefined ? `${stream}.${token}` : urgent(stream, token);
}

/** @param token of a function; null is all of them */
export function subjectsOf(
  stream: string,
  token: string | null,
): { readonly urgent: string; readonly others: string } {
  return { urgent: urgent(stream, token ?? "*"), others: `${stream}.${token ?? "*"}` };
}

function urgent(stream: string, token: string): string {
  return `${stream}.priority.${token}`;
}

/** @throws {RangeError} */
export function functionToken(func: string | Uint8Array): string {
  const bytes = typeof func === "string" ? new TextEncoder().encode(func) : func;
  if (bytes.length === 0) return NO_FUNCTION;
  let token = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    token += /[A-Za-z0-9_-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (token.length <= LONGEST_TOKEN) return token;
  throw new RangeError(
    `the name of its function has ${token.length} characters in a subject of NATS, ` +
      `which takes ${LONGEST_TOKEN}`,
  );
}
