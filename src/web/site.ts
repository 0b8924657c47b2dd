/**
 * The dashboard and its JSON: which page answers a request. Reading needs no script; what acts is in
 * acting.ts.
 */

import type { HttpAnswer, HttpRequest } from "../monitor/http_answer.ts";
import type { Site } from "../monitor/monitors.ts";
import { safeText } from "../report/safe_text.ts";
import { actOn } from "./acting.ts";
import { Assets } from "./assets.ts";
import { type Ask, AskError, mustAct, segmentsOf } from "./ask.ts";
import { bodyAnswer } from "./body_answer.ts";
import { confirmPage } from "./confirm_page.ts";
import { configurationPage } from "./configuration_page.ts";
import { Tokens } from "./guard.ts";
import { type Html, markup } from "./html.ts";
import { document } from "./layout.ts";
import { overviewPage } from "./overview_page.ts";
import type { Page, Shown } from "./page.ts";
import { pastPage } from "./past_page.ts";
import type { SiteParts } from "./parts.ts";
import { historyPage } from "./history_page.ts";
import { jobPage } from "./job_page.ts";
import { jobStream, taskStream } from "./output_stream.ts";
import { jsonAnswer } from "./json_answer.ts";
import { LiveOutput } from "./live_output.ts";
import { pushPage } from "./push_page.ts";
import { putTask } from "./put_task.ts";
import { resultJson, Results } from "./results.ts";
import { schedulesPage } from "./schedules_page.ts";
import { targetsPage } from "./targets_page.ts";
import { taskPage } from "./task_page.ts";
import { tasksPage } from "./tasks_page.ts";
import { workersPage } from "./workers_page.ts";

const PAGES: readonly Page[] = [
  ...[
    overviewPage,
    tasksPage,
    confirmPage,
    taskPage,
    schedulesPage,
    jobPage,
    workersPage,
    targetsPage,
  ],
  ...[historyPage, configurationPage, pushPage],
];

const HTML = "text/html; charset=utf-8";
/** Nothing is loaded from elsewhere, and nothing that stands in a page is run. */
const POLICY = [
  "default-src 'none'",
  ...["style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"],
  "require-trusted-types-for 'script'",
].join("; ");

export function openSite(parts: SiteParts): Site {
  const assets = new Assets();
  const results = new Results();
  const live = new LiveOutput(parts.clock);
  const tokens = new Tokens(`${crypto.randomUUID()}${crypto.randomUUID()}`);
  const host = Deno.hostname();

  const frameOf = (place: string) => ({ assets: assets.version, host, place });
  const pageAnswer = (status: number, shown: Shown, place: string, ask: Ask): HttpAnswer => ({
    status,
    type: HTML,
    body: document(shown, frameOf(place), ask).text,
    headers: { "content-security-policy": POLICY },
  });

  const askOf = (request: HttpRequest): Ask => {
    const { visitor: { user, role, from } } = request;
    const query = new URLSearchParams(request.query);
    return {
      ...{ request, parts, segments: [], query },
      mayAct: role === "operator" && !parts.isReadonly(),
      mayAdd: role !== "viewer" && !parts.isReadonly(),
      token: tokens.of(user),
      by: safeText(`${user ?? "somebody"} over HTTP from ${from}`).slice(0, 200),
      result: results.get(query.get("result") ?? "") ?? null,
    };
  };

  async function read(ask: Ask, segments: readonly string[]): Promise<HttpAnswer> {
    const [name = "", ...rest] = segments;
    if (name === "assets") return assets.answer(rest[0] ?? "") ?? notFound();
    if (name === "output") return taskStream({ parts, live, query: ask.query }, rest);
    if (name === "job-output") return jobStream({ parts, live, query: ask.query }, rest);
    if (name === "api") return await readJson(ask, rest);
    const found = pageAt(segments);
    const shown = await orPast(found, (page) => page.show({ ...ask, segments: rest }));
    return pageAnswer(200, shown, name, ask);
  }

  async function readJson(ask: Ask, segments: readonly string[]): Promise<HttpAnswer> {
    const [name = "", ...rest] = segments;
    if (name === "" || name === "token") return jsonAnswer(apiIndex(name, ask));
    if (name === "results") return jsonAnswer(resultJson(results.get(rest[0] ?? "") ?? notFound()));
    if (name === "tasks" && rest.length > 2 && rest.at(-1) === "body") {
      return bodyAnswer(parts, rest.slice(0, -1));
    }
    const found = pageAt(name === "overview" ? ["", ...rest] : segments);
    return jsonAnswer(await orPast(found, (page) => page.json({ ...ask, segments: rest })));
  }

  return {
    async answer(request) {
      const ask = askOf(request);
      const isApi = request.path.startsWith("/api/");
      try {
        const { method, visitor } = request;
        const addsTask = /^\/api\/tasks\/[^/]*$/.test(request.path) && method === "POST";
        if (visitor.role === "producer" && !addsTask) {
          throw new AskError(
            403,
            "a token of spooler-http-token adds tasks, and does nothing else",
          );
        }
        if (method === "GET" || method === "HEAD") {
          return await read(ask, segmentsOf(request.path));
        }
        if (method !== "POST") throw new AskError(405, "use GET, HEAD or POST");
        const path = segmentsOf(request.path);
        if (addsTask) return await putTask(ask, path[2] ?? "", tokens);
        const acted = await actOn(ask, path, { tokens, results });
        if (acted.kind === "answer") return acted.answer;
        if (acted.kind === "json") return jsonAnswer(acted.value, acted.status);
        return pageAnswer(acted.status, acted.shown, path[0] ?? "", ask);
      } catch (error) {
        if (!(error instanceof AskError)) throw error;
        const { status, message } = error;
        const more = status === 405 ? { allow: "GET, HEAD, POST" } : {};
        if (isApi) return withHeaders(jsonAnswer({ error: message }, status), more);
        const main = markup`
          <h1>${status}</h1>
          <p>${message}</p>
          <p><a href="/">Overview</a></p>
        `;
        return withHeaders(pageAnswer(status, plain(main), "?", ask), more);
      }
    },
  };
}

const plain = (main: Html): Shown => ({ title: "Error", main, refreshMs: null });

function withHeaders(answer: HttpAnswer, more: Readonly<Record<string, string>>): HttpAnswer {
  return { ...answer, headers: { ...answer.headers, ...more } };
}

function notFound(): never {
  throw new AskError(404, "there is no such page");
}

/** @throws {AskError} */
function pageAt([name = "", ...rest]: readonly string[]): Page {
  return PAGES.find((page) => page.name === name && page.takes(rest.length)) ?? notFound();
}

/** A task that is not in the spool any more has a page of its runs. */
async function orPast<T>(page: Page, read: (page: Page) => Promise<T>): Promise<T> {
  try {
    return await read(page);
  } catch (error) {
    if (page !== taskPage || !(error instanceof AskError)) throw error;
    return await read(pastPage);
  }
}

function apiIndex(name: string, ask: Ask): unknown {
  const { token, mayAct, request: { visitor } } = ask;
  if (name === "token") {
    mustAct(ask);
    return { token };
  }
  return {
    ...{ user: visitor.user, mayAct },
    paths: [
      ...["/api/overview", "/api/tasks", "/api/tasks/SPOOL/[failed/][PRIORITY/]NAME"],
      ...["/api/tasks/SPOOL/[failed/][PRIORITY/]NAME/body", "/api/history", "/api/schedules"],
      ...["/api/schedules/JOB", "/api/workers", "/api/targets", "/api/configuration"],
      ...["/api/token", "/api/results/RESULT"],
    ],
  };
}
