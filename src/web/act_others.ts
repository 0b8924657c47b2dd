/** What is done with spools and jobs, and new tasks. */

import { decodeBase64 } from "../platform/base64.ts";
import { parseDate } from "../platform/local_time.ts";
import { functionProblem, pickleProblem } from "../wire/pickle_rule.ts";
import { findText, textVar, type Var } from "../wire/packet.ts";
import { withoutReserved } from "../wire/signature.ts";
import { SHELL_FUNCTION } from "../task/shell_task.ts";
import { taskLabel } from "../spool/layout.ts";
import { type Ask, AskError, spoolNamed } from "./ask.ts";
import { killFateOf, killProblem } from "./act_tasks.ts";
import { ActResult } from "./results.ts";

export async function actOnSpool({ parts, by }: Ask, fields: URLSearchParams): Promise<ActResult> {
  const verb = fields.get("do");
  if (verb !== "pause" && verb !== "resume") throw new AskError(400, "do must be pause or resume");
  const { name, dir } = spoolNamed(parts, fields.get("spool") ?? "");
  const result = new ActResult(`${verb}d`, "spool");
  const turned = await parts.actions[verb](by, dir);
  if (turned === "changed") result.done++;
  else result.problem(`${name} ${turned === "unchanged" ? `is ${verb}d already` : "is not here"}`);
  return result;
}

export async function actOnJob({ parts, by }: Ask, fields: URLSearchParams): Promise<ActResult> {
  const verb = fields.get("do");
  const job = fields.get("job") ?? "";
  if (verb === "kill") {
    const result = new ActResult("ended", "job");
    const wish = { fate: killFateOf(fields), signal: null };
    const problem = killProblem(await parts.actions.killJob(by, job, wish));
    if (problem === null) result.done++;
    else result.problem(`${job} ${problem}`);
    return result;
  }
  if (verb !== "run") throw new AskError(400, "do must be run or kill");
  const run = parts.actions.runJob(by, job);
  if (run.kind === "unknown") throw new AskError(404, "this program has no job of that name");
  const result = new ActResult(run.kind === "waits" ? "put into the queue" : "started", "job");
  if (run.kind === "refused") result.problem(`${job}: ${run.reason}`);
  else result.done++;
  return result;
}

/** Of the key and value on each line. */
const LINE = /^([^=]+)=(.*)$/s;

export async function push(
  ask: Ask,
  fields: URLSearchParams,
): Promise<ActResult & { task?: string }> {
  const { parts, by } = ask;
  const vars = varsOf(ask, fields);
  const body = bodyOf(fields);
  mustBeAllowed(ask, vars, body);
  const result: ActResult & { task?: string } = new ActResult("added", "task");
  const pushed = await parts.actions.push(by, { vars, ...(body === undefined ? {} : { body }) });
  if (pushed.kind === "refused") {
    result.problem(pushed.reason);
    return result;
  }
  result.done++;
  result.task = `${pushed.spool}/${taskLabel(pushed.task?.name ?? "")}`;
  return result;
}

function varsOf({ parts }: Ask, fields: URLSearchParams): Var[] {
  const lines = (fields.get("keys") ?? "").split(/\r?\n/).filter((line) => line.trim() !== "");
  const vars = [...lines, ...fields.getAll("var")].map((line) => {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new AskError(422, `a key needs the form NAME=VALUE: "${line.slice(0, 100)}"`);
    }
    return textVar(name.trim(), value);
  });
  const add = (name: string, value: string | null | undefined) => {
    if (value && findText(vars, name) === undefined) vars.unshift(textVar(name, value));
  };
  const spool = fields.get("spool");
  if (spool) add("spooler", spoolNamed(parts, spool).dir);
  add("priority", fields.get("priority")?.trim());
  add("at", atOf(fields.get("at")?.trim() ?? ""));
  add("ud_spool_func", fields.get("function")?.trim());
  return [...withoutReserved(vars)];
}

export function atOf(text: string): string {
  if (text === "" || /^\d+(\.\d+)?$/.test(text)) return text;
  const at = parseDate(text);
  if (at === null) {
    throw new AskError(422, `at must be a time such as 2026-12-24T18:00: "${text.slice(0, 50)}"`);
  }
  return String(Math.floor(at / 1000));
}

function bodyOf(fields: URLSearchParams): Uint8Array | undefined {
  const base64 = fields.get("bodyBase64");
  if (base64 !== null) {
    const bytes = decodeBase64(base64);
    if (bytes === null) throw new AskError(422, "bodyBase64 is not Base64");
    return bytes;
  }
  const text = fields.get("body");
  return text === null || text === "" ? undefined : new TextEncoder().encode(text);
}

/** The rules of the sockets that tasks come in by hold here as well. */
export function mustBeAllowed(
  { parts, request }: Ask,
  vars: readonly Var[],
  body: Uint8Array | undefined,
): void {
  const { reception: { pickles, allowFunctions, maxPriority } } = parts.config();
  if (findText(vars, "ud_spool_func") === SHELL_FUNCTION) {
    throw new AskError(403, `${SHELL_FUNCTION} tasks are never accepted over HTTP`);
  }
  const priority = Number(findText(vars, "priority") ?? 0);
  if (priority > maxPriority) {
    throw new AskError(422, `priority must be 0 to ${maxPriority} (spooler-max-priority)`);
  }
  if (request.visitor.isKnown) return;
  const all = body === undefined ? vars : [...vars, { ...textVar("body", ""), value: body }];
  const problem = functionProblem(vars, allowFunctions) ??
    (pickles === "trusted" ? null : pickleProblem(all));
  if (problem !== null) throw new AskError(403, problem);
}
