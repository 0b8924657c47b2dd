/** `POST /api/tasks/FUNCTION`: adds a task for a program; its answer comes when the task is safe. */

import type { PushResult } from "../control/actions.ts";
import type { HttpAnswer, HttpRequest } from "../monitor/http_answer.ts";
import { taskId } from "../spool/layout.ts";
import { isInstruction, JSON_VAR, type TaskKeys, varsOfKeys } from "../wire/json_vars.ts";
import { textVar, type Var } from "../wire/packet.ts";
import type { RefusalKind } from "../wire/refusal.ts";
import { isDeliveryId, withoutReserved } from "../wire/signature.ts";
import { atOf, mustBeAllowed } from "./act_others.ts";
import { type Ask, AskError, spoolNamed } from "./ask.ts";
import { FORM_TYPE, JSON_TYPE, mediaTypeOf, objectOf, textOf } from "./fields.ts";
import type { Tokens } from "./guard.ts";
import { jsonAnswer } from "./json_answer.ts";

/** A task as it was sent. */
interface SentTask {
  readonly keys: TaskKeys;
  readonly body?: Uint8Array;
}

/** When a program may ask again whose task was refused for now. */
const RETRY_AFTER_S = 5;

/** @throws {AskError} */
export async function putTask(ask: Ask, func: string, tokens: Tokens): Promise<HttpAnswer> {
  const { request, parts, by } = ask;
  mustBeProgram(ask, tokens);
  if (func === "") throw new AskError(404, "POST /api/tasks/FUNCTION needs the name of a function");
  const sent = idOf(request);
  const { keys, body } = taskOf(ask);
  const vars = varsFor(ask, func, keys);
  const { maxBodySize } = parts.config().reception;
  if (body !== undefined && body.length > maxBodySize) {
    throw new AskError(413, `the body has ${body.length} bytes; ${maxBodySize} are taken`);
  }
  mustBeAllowed(ask, vars, body);
  const pushed = await parts.actions.push(by, {
    vars,
    ...(body === undefined ? {} : { body }),
    ...(sent === null ? {} : { sent }),
  });
  return answerTo(pushed);
}

/** A page of somebody else can send neither header: not without asking first, which is refused. */
function mustBeProgram({ request, mayAdd }: Ask, tokens: Tokens): void {
  const { visitor: { user, role }, headers } = request;
  if (!mayAdd) throw new AskError(403, "you may look at everything here, but change nothing");
  if (role === "producer" || tokens.isOf(user, headers.get("x-spooler-token"))) return;
  throw new AskError(
    403,
    "needs Authorization: Bearer TOKEN (spooler-http-token), or X-Spooler-Token of GET /api/token",
  );
}

function idOf({ headers, visitor }: HttpRequest) {
  const id = headers.get("idempotency-key");
  if (id === undefined) return null;
  if (!isDeliveryId(id)) {
    throw new AskError(400, "Idempotency-Key needs 1 to 128 printable characters without blanks");
  }
  return { id, sender: `http:${encodeURIComponent(visitor.user ?? "")}` };
}

function taskOf({ request, query }: Ask): SentTask {
  const inQuery = entriesOf(query);
  if (request.body.length === 0) return { keys: inQuery };
  const type = mediaTypeOf(request.headers);
  if (type.startsWith("multipart/")) {
    throw new AskError(
      415,
      `takes ${FORM_TYPE}, ${JSON_TYPE}, or a body of any other type as it is`,
    );
  }
  if (type !== FORM_TYPE && type !== JSON_TYPE) return { keys: inQuery, body: request.body };
  const text = textOf(request.body);
  return withBody(
    inQuery,
    type === FORM_TYPE ? entriesOf(new URLSearchParams(text)) : objectOf(text),
  );
}

/** What is called body becomes the body. */
function withBody(inQuery: TaskKeys, { body, ...keys }: TaskKeys): SentTask {
  const twice = Object.keys(keys).find((name) => Object.hasOwn(inQuery, name));
  if (twice !== undefined) throw new AskError(422, `${shown(twice)} is given twice`);
  const all = { ...inQuery, ...keys };
  if (body === undefined) return { keys: all };
  if (typeof body !== "string") throw new AskError(422, "body must be a text");
  return { keys: all, body: new TextEncoder().encode(body) };
}

function entriesOf(params: URLSearchParams): Record<string, string> {
  const keys: Record<string, string> = {};
  for (const [name, value] of params) {
    if (Object.hasOwn(keys, name)) throw new AskError(422, `${shown(name)} is given twice`);
    keys[name] = value;
  }
  return keys;
}

/** The instructions among the keys are texts, as in a packet. */
function varsFor({ parts }: Ask, func: string, keys: TaskKeys): Var[] {
  const { at, priority, spooler, ...own } = keys;
  const foreign = Object.keys(own).find((name) =>
    name === JSON_VAR || name.startsWith("ud_spool_")
  );
  if (foreign !== undefined) throw new AskError(422, `${foreign} cannot be given to a task here`);
  const instructions = [
    textVar("ud_spool_func", func),
    ...(spooler === undefined ? [] : [textVar("spooler", directoryOf(parts, spooler))]),
    ...(priority === undefined ? [] : [textVar("priority", scalar("priority", priority))]),
    ...(at === undefined ? [] : [textVar("at", atOf(scalar("at", at)))]),
  ];
  for (const [name, value] of Object.entries(own)) {
    if (isInstruction(name)) scalar(name, value);
  }
  return [...withoutReserved([...instructions, ...varsOfKeys(own)])];
}

function directoryOf(parts: Ask["parts"], spooler: unknown): string {
  const name = scalar("spooler", spooler);
  return name.startsWith("/") ? name : spoolNamed(parts, name).dir;
}

function scalar(name: string, value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new AskError(422, `${name} must be a text or a number`);
}

const shown = (name: string) => JSON.stringify(name.slice(0, 100));

const STATUS: Partial<Readonly<Record<RefusalKind, number>>> = {
  "too large": 413,
  function: 403,
  pickle: 403,
};

function answerTo(pushed: PushResult): HttpAnswer {
  if (pushed.kind === "refused") {
    const { reason: error, refusal: kind, isTemporary } = pushed;
    const refused = jsonAnswer({ error, kind }, isTemporary ? 503 : STATUS[kind] ?? 422);
    return isTemporary
      ? { ...refused, headers: { "retry-after": String(RETRY_AFTER_S) } }
      : refused;
  }
  const { spool, task, isRepeated } = pushed;
  const value = task === null ? { spool } : { task: `${spool}/${taskId(task)}`, spool, ...task };
  const added = jsonAnswer(value, 201);
  return isRepeated ? { ...added, headers: { "idempotent-replayed": "true" } } : added;
}
