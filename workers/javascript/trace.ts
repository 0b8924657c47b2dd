/**
 * Errors as people read them in a log. Task code can throw anything, also what throws when it is asked
 * for its text, and so runs code of the task: nothing here throws.
 */

import { inspect } from "node:util";
import { realm } from "./realm.ts";

const STDERR_KEPT = 4096;
const REASON_KEPT = 1000;
const MOST_CAUSES = 5;
/** Of what an AggregateError gathers. */
const MOST_PARTS = 10;
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

/** What was thrown and is no error. */
function thrownText(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  const text = isObject
    ? asked(() => inspect(value, { depth: 3, breakLength: Infinity }), null)
    : null;
  return `threw ${text ?? textOf(value)}`;
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
    : thrownText(error);
  return text.slice(0, REASON_KEPT).split("\n", 1)[0] ?? "";
}

/** The whole stack, with what caused it. */
export function traceOf(error: unknown, causes = MOST_CAUSES): string {
  if (!isA(Error, error)) return thrownText(error);
  const own = stackOf(error);
  if (causes === 0) return own;
  const cause = asked(() => error.cause, undefined);
  const errors: unknown = asked(() => (error as { errors?: unknown }).errors, undefined);
  const parts = Array.isArray(errors) ? errors.slice(0, MOST_PARTS) : [];
  return [
    own,
    ...parts.map((part, index) => `Error ${index + 1}: ${traceOf(part, causes - 1)}`),
    ...(cause === undefined ? [] : [`Caused by: ${traceOf(cause, causes - 1)}`]),
  ].join("\n");
}

/** The message stands before the frames, also when it was changed after the error was made. */
function stackOf(error: Error): string {
  const stack = textIn(error, "stack");
  const message = textIn(error, "message");
  const head = `${textIn(error, "name") ?? "Error"}: ${message ?? NO_TEXT}`;
  if (stack === null || stack === "") return head;
  if (message === null || stack.includes(message)) return stack;
  const frames = /^ {4}at /m.exec(stack)?.index;
  return frames === undefined ? `${head}\n${stack}` : `${head}\n${stack.slice(frames)}`;
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
    ["workers/javascript/", "src/", "main.ts", "dist/parts/"].some((path) =>
      line.includes(`${own}${path}`)
    );
}

/** File and line of the task code that is calling the program's own functions, where that is known. */
export function callingLine(): { file: string; line: number } | Record<string, never> {
  // The stack has no frames of the program, and original places.
  const [, frame = ""] = (new Error().stack ?? "").split("\n");
  const [, file, line] = /(?:\(|at )(?:file:\/\/)?(\/.+?):(\d+):\d+\)?$/.exec(frame) ?? [];
  return file === undefined ? {} : { file: decodeURI(file), line: Number(line) };
}
