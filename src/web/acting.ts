/** Requests that change something: who may, whether they were meant, and what comes of them. */

import { reasonOf } from "../platform/reason.ts";
import type { HttpAnswer } from "../monitor/http_answer.ts";
import { actOnTasks, taskVerbOf } from "./act_tasks.ts";
import { actOnJob, actOnSpool, push } from "./act_others.ts";
import { type Ask, AskError, mustAct } from "./ask.ts";
import { confirmChosen } from "./confirm_page.ts";
import { backOf, fieldsOf } from "./fields.ts";
import { provenance, type Tokens } from "./guard.ts";
import type { Shown } from "./page.ts";
import { pushAgain } from "./push_page.ts";
import { type ActResult, resultJson, type Results } from "./results.ts";

/** What takes longer goes on after its answer. */
const PATIENCE_MS = 3000;

export type Acted =
  | { readonly kind: "page"; readonly status: number; readonly shown: Shown }
  | { readonly kind: "answer"; readonly answer: HttpAnswer }
  | { readonly kind: "json"; readonly status: number; readonly value: unknown };

export interface ActingOptions {
  readonly tokens: Tokens;
  readonly results: Results;
}

/** @throws {AskError} */
export async function actOn(
  ask: Ask,
  path: readonly string[],
  { tokens, results }: ActingOptions,
): Promise<Acted> {
  const isApi = path[0] === "api";
  const [name = "", ...rest] = isApi ? path.slice(1) : path;
  const { request } = ask;
  mustBeMeant(ask, isApi);
  const fields = fieldsOf(request);
  const given = isApi ? request.headers.get("x-spooler-token") : fields.get("token");
  if (!tokens.isOf(request.visitor.user, given)) {
    throw new AskError(
      403,
      isApi
        ? "the header X-Spooler-Token is missing or old: GET /api/token has it"
        : "the program was restarted since this page was loaded: reload it, then try again",
    );
  }
  mustAct(ask);
  if (rest.length > 0) throw new AskError(404, "there is no such page");
  const isSure = isApi || fields.get("sure") === "yes";
  if (name === "tasks" && !isSure && taskVerbOf(fields) !== "retry") {
    return { kind: "page", status: 200, shown: confirmChosen(ask, fields) };
  }
  try {
    const result = await begun(name, ask, fields);
    const id = results.add(result);
    if (!isApi) return { kind: "answer", answer: seeOther(backOf(fields), id) };
    const status = !result.isOver ? 202 : result.done === 0 && result.problemCount > 0 ? 409 : 200;
    const more = "task" in result ? { task: result.task } : {};
    return { kind: "json", status, value: { ...resultJson(result), ...more, result: id } };
  } catch (error) {
    if (isApi || name !== "push" || !(error instanceof AskError)) throw error;
    return { kind: "page", status: error.status, shown: pushAgain(ask, fields, error.message) };
  }
}

/** A browser says where a request comes from; a program that says nothing has a token. */
function mustBeMeant({ request }: Ask, isApi: boolean): void {
  const from = provenance(request);
  if (from === "own" || from === "unknown" && isApi) return;
  throw new AskError(
    403,
    from === "foreign"
      ? "a page of another site sent this request"
      : "your browser did not say which page this comes from (Sec-Fetch-Site or Origin)",
  );
}

/** Resolves with what came of it, or, when that takes long, with what has come of it so far. */
async function begun(name: string, ask: Ask, fields: URLSearchParams): Promise<ActResult> {
  switch (name) {
    case "tasks": {
      const { result, over } = actOnTasks(ask, fields);
      const patience = Promise.withResolvers<void>();
      const cancel = ask.parts.clock.after(PATIENCE_MS, patience.resolve);
      let failure: unknown = null;
      const end = over.catch((error) => {
        failure = error;
        result.problem(reasonOf(error));
      });
      await Promise.race([end, patience.promise]);
      cancel();
      if (failure instanceof AskError) throw failure;
      return result;
    }
    case "spools":
      return ended(await actOnSpool(ask, fields));
    case "schedules":
      return ended(await actOnJob(ask, fields));
    case "push": {
      const result = ended(await push(ask, fields));
      const [problem] = result.problems;
      if (problem !== undefined) throw new AskError(422, problem);
      return result;
    }
    default:
      throw new AskError(404, "there is no such page");
  }
}

function ended<T extends ActResult>(result: T): T {
  result.isOver = true;
  return result;
}

function seeOther(back: string, id: string): HttpAnswer {
  const [path = "/", query = ""] = back.split("?", 2);
  const search = new URLSearchParams(query);
  search.set("result", id);
  const headers = { location: `${path}?${search}` };
  return { status: 303, type: "text/plain; charset=utf-8", body: "done\n", headers };
}
