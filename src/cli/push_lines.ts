/** `spooler push --lines`: many tasks, each a line of JSON with the keys of KEY=VALUE. */

import { systemClock } from "../platform/clock.ts";
import { isJsonObject } from "../platform/json.ts";
import { reasonOf } from "../platform/reason.ts";
import { readRequest } from "../task/request.ts";
import { AFTER_VAR } from "../task/after.ts";
import { MODE_VAR, UNIQUE_VAR, UNTIL_VAR } from "../task/unique.ts";
import { isInstruction, varsOfKeys } from "../wire/json_vars.ts";
import {
  encodePacket,
  findVar,
  MODIFIER_SPOOL,
  textVar,
  type Var,
  varText,
} from "../wire/packet.ts";
import { UsageError } from "./error.ts";
import type { PushedTask } from "./push.ts";
import { parseStart, startVar } from "./start_time.ts";

/**
 * @param file `-` is standard input
 * @param common what the options say of each task, unless its line says otherwise
 * @param own keys of the spooler that each may have besides
 * @throws {UsageError} at the first line that is no task: then none is put
 */
export async function readLines(
  file: string,
  common: readonly Var[],
  own: readonly string[] = [],
): Promise<PushedTask[]> {
  const text = await readText(file);
  const tasks: PushedTask[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      tasks.push({ line: index + 1, vars: varsOfLine(line, common, [...WISHES, ...own]) });
    } catch (error) {
      throw new UsageError(`push: line ${index + 1}: ${reasonOf(error)}`);
    }
  }
  return tasks;
}

async function readText(file: string): Promise<string> {
  if (file === "-") return await new Response(Deno.stdin.readable).text();
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new UsageError(`--lines cannot be read: ${reasonOf(error)}`);
  }
}

function varsOfLine(line: string, common: readonly Var[], wishes: readonly string[]): Var[] {
  const value: unknown = JSON.parse(line);
  if (!isJsonObject(value)) {
    throw new TypeError('needs an object such as {"ud_spool_func":"hello","name":"world"}');
  }
  const entries = Object.entries(value);
  const instructions = entries.filter(([key]) => isInstruction(key))
    .map((entry) => instructionVar(entry, wishes));
  const vars = [
    ...common.filter(({ name }) => findVar(instructions, varText(name)) === undefined),
    ...instructions,
    ...varsOfKeys(Object.fromEntries(entries.filter(([key]) => !isInstruction(key)))),
  ];
  if (vars.length === common.length) throw new TypeError("needs a key");
  // What does not fit is noticed before the first task is put.
  encodePacket(readRequest(vars).task.vars, MODIFIER_SPOOL);
  return vars;
}

/** Instructions that a line may have. */
const WISHES: readonly string[] = [AFTER_VAR, UNIQUE_VAR, UNTIL_VAR, MODE_VAR];

function instructionVar([key, value]: readonly [string, unknown], wishes: readonly string[]): Var {
  if (key.startsWith("spooler_") && !wishes.includes(key)) {
    throw new TypeError(`takes no key ${key}: it is the spooler's own`);
  }
  if (typeof value !== "string" && typeof value !== "number") {
    throw new TypeError(`${key} needs a text or a number`);
  }
  return key === "at"
    ? startVar(parseStart(String(value), systemClock.now()))
    : textVar(key, String(value));
}
