/**
 * Errors as people read them in a log. Task code can throw anything, also what throws when it is asked
 * for its text, and so runs code of the task: nothing here throws.
 */

import { realm } from "./realm.ts";

const STDERR_KEPT = 4096;
const REASON_KEPT = 1000;
const MOST_CAUSES = 5;
const NO_TEXT = "a value without a text";

/** What `action` finds out of a value of the task's, or `otherwise`. */
function asked<T>(action: () => T, otherwise: T): T {
  try {
    return realm.asTask(action);
  } catch {
    return otherwise;
  }
}

/** Any value as a text. */
function textOf(value: unknown): string {
  return asked(() => String(value), NO_TEXT);
}

/** A property of an error that ought to be a text; null when it has none. */
function textIn(error: Error, name: "name" | "message" | "stack"): string | null {
  return asked(() => error[name] === undefined ? null : String(error[name]), null);
}

/** Whether it was made by this class; false when it does not let itself be asked. */
export function isA<T>(type: new (...args: never[]) => T, value: unknown): value is T {
  return asked(() => value instanceof type, false);
}

/** One line. */
export function reasonOf(error: unknown): string {
  const text = isA(Error, error)
    ? `${textIn(error, "name") ?? "Error"}: ${textIn(error, "message") ?? NO_TEXT}`
    : `threw ${textOf(error)}`;
  return text.slice(0, REASON_KEPT).split("\n", 1)[0] ?? "";
}

/** The whole stack, with what caused it. */
export function traceOf(error: unknown, causes = MOST_CAUSES): string {
  if (!isA(Error, error)) return `threw ${textOf(error)}`;
  const own = textIn(error, "stack") ?? reasonOf(error);
  const cause = asked(() => error.cause, undefined);
  if (cause === undefined || causes === 0) return own;
  return `${own}\nCaused by: ${traceOf(cause, causes - 1)}`;
}

/** The end of a trace, as much as is kept of it. */
export function traceEnd(trace: string): string {
  return trace.length <= STDERR_KEPT ? trace : trace.slice(-STDERR_KEPT);
}

/**
 * Makes stack traces name original places.
 *
 * @param original replaces places of generated code in a text
 */
export function installTraces(original: (text: string) => string): void {
  const prepare = (error: Error, sites: readonly unknown[]) =>
    realm.asWorker(() => {
      const frames = sites.map((site) => `\n    at ${site}`).filter((line) => !isOwn(line));
      return textOf(error) + original(frames.join(""));
    });
  Object.defineProperty(Error, "prepareStackTrace", {
    value: prepare,
    configurable: true,
    writable: true,
  });
}

const own = new URL("../../", import.meta.url).pathname;

/** The program's own functions below a task say nothing to who wrote the task. */
function isOwn(line: string): boolean {
  return line.includes("ext:core/") ||
    ["workers/javascript/", "src/", "main.ts"].some((path) => line.includes(`${own}${path}`));
}

/** File and line of the task code that is calling the program's own functions, where that is known. */
export function callingLine(): { file: string; line: number } | Record<string, never> {
  // The stack has no frames of the program, and original places.
  const [, frame = ""] = (new Error().stack ?? "").split("\n");
  const [, file, line] = /(?:\(|at )(?:file:\/\/)?(\/.+?):(\d+):\d+\)?$/.exec(frame) ?? [];
  return file === undefined ? {} : { file: decodeURI(file), line: Number(line) };
}
