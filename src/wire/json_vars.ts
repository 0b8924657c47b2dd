/**
 * Values that are no texts in the vars of a task: each is the JSON of its value, under its own name, and
 * `spooler_json` lists these names. A reader that knows nothing of that sees a text.
 *
 * @pure
 */

import { textVar, type Var, varText } from "./packet.ts";

/** A JSON array of the names whose values are JSON. */
export const JSON_VAR = "spooler_json";

/** What a task may be given under a name: bytes stay as they are, undefined is left out. */
export type TaskKeys = Readonly<Record<string, unknown>>;

/** Names that say what is to be done with a task, and are no part of its work. */
const INSTRUCTIONS: ReadonlySet<string> = new Set([
  ...["ud_spool_func", "ud_spool_ret", "at", "priority", "spooler", "body"],
]);

/** Whether a name belongs to the spooler, and none of a task's own values can have it. */
export function isInstruction(name: string): boolean {
  return INSTRUCTIONS.has(name) || name.startsWith("spooler_");
}

/**
 * The vars for these values, and `spooler_json` behind them where it is needed.
 *
 * @throws {TypeError} when a value has no JSON; the message names it
 */
export function varsOfKeys(keys: TaskKeys): Var[] {
  const vars: Var[] = [];
  const names: string[] = [];
  for (const [name, value] of Object.entries(keys)) {
    if (value === undefined) continue;
    if (typeof value === "string" || value instanceof Uint8Array) {
      vars.push(textVar(name, value));
      continue;
    }
    vars.push(textVar(name, jsonOf(name, value)));
    names.push(name);
  }
  if (names.length > 0) vars.push(textVar(JSON_VAR, JSON.stringify(names)));
  return vars;
}

function jsonOf(name: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`the value of ${name} has no JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw new TypeError(`the value of ${name} has no JSON: ${typeof value}`);
  return text;
}

/**
 * The other way round: the task's own values, those that are listed as what their JSON says. What is no
 * JSON stays a text, and so does every value of a task without `spooler_json`.
 */
export function keysOfVars(vars: readonly Var[]): Record<string, unknown> {
  return keysOfTexts(vars.map(({ name, value }) => [varText(name), varText(value)]));
}

/** {@link keysOfVars} of names and values that are texts already. */
export function keysOfTexts(
  texts: readonly (readonly [name: string, text: string])[],
): Record<string, unknown> {
  const names = namesOf(texts.findLast(([name]) => name === JSON_VAR)?.[1]);
  const own = texts.filter(([name]) => !isInstruction(name));
  return Object.fromEntries(
    own.map(([name, text]) => [name, names.has(name) ? valueOf(text) : text]),
  );
}

function namesOf(text: string | undefined): ReadonlySet<unknown> {
  const names = text === undefined ? [] : valueOf(text);
  return new Set(Array.isArray(names) ? names : []);
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
