/** Which tasks are there? Filters and search, the newest first. */

import { type ListedStateKind, STATE_KINDS } from "../spool/inspected.ts";
import { placedId, shortId } from "../report/task_name.ts";
import { summaryJson, summaryOf } from "../report/task_summary.ts";
import { safeBytes } from "../report/shown_bytes.ts";
import { roughText } from "../platform/duration_text.ts";
import { type Ask, AskError, spoolNamed } from "./ask.ts";
import { href, type Html, html } from "./html.ts";
import { maskedTask } from "./masked.ts";
import { page } from "./page.ts";
import { empty, table } from "./table.ts";
import {
  type Cursor,
  findTasks,
  type FoundTask,
  type FoundTasks,
  type TaskQuery,
} from "./task_list.ts";
import { runningNow } from "./running_tasks.ts";
import { badge, countText, momentHtml } from "./text.ts";
import type { SiteParts, SiteSpool } from "./parts.ts";

export const PAGE_SIZE = 50;
const MOST_PAGE_SIZE = 1000;
const LONGEST_TEXT = 500;

interface TasksView extends FoundTasks {
  readonly wish: TaskWish;
  readonly now: number;
}

/** What the address asks for. */
export interface TaskWish {
  readonly spools: readonly SiteSpool[];
  readonly query: TaskQuery;
  readonly after: Cursor | null;
  readonly limit: number;
}

/** One list at a time: a directory of a million tasks takes its time, and nobody else's. */
let listing: Promise<unknown> = Promise.resolve();

export const tasksPage = page<TasksView>({
  name: "tasks",
  refreshMs: 10_000,
  title: () => "Tasks",
  async load({ parts, query }) {
    const wish = wishOf(parts, query);
    const { spools, query: filter, after, limit } = wish;
    const { clock } = parts;
    const find = () =>
      isRunningAlone(filter)
        ? runningNow(parts, wish)
        : findTasks(spools, filter, { clock, after, limit });
    const mine = listing.then(find);
    listing = mine.catch(() => {});
    const { found, ...more } = await mine;
    const masked = found.map((each) => ({ ...each, task: maskedTask(each.task, parts.mask) }));
    return { ...more, found: masked, wish, now: clock.now() };
  },
  json: ({ found, next, seen, now }) => ({
    tasks: found.map(({ spool, task }) => ({
      ...summaryJson(summaryOf(task), spool.name, now),
      id: placedId(task),
    })),
    seen,
    next: next && cursorText(next),
  }),
  html: tasksHtml,
});

function isRunningAlone({ states }: TaskQuery): boolean {
  return states?.length === 1 && states[0] === "running";
}

/** @throws {AskError} */
export function wishOf(parts: SiteParts, query: URLSearchParams): TaskWish {
  const text = (name: string) => {
    const given = query.get(name)?.trim() ?? "";
    if (given.length > LONGEST_TEXT) throw new AskError(400, `${name} is too long`);
    return given === "" ? undefined : given;
  };
  const [spool, state, func, search, older] = ["spool", "state", "func", "q", "older"].map(text);
  const madeBefore = older === undefined ? undefined : parts.clock.now() - secondsOf(older) * 1000;
  return {
    spools: spool === undefined ? parts.spools() : [spoolNamed(parts, spool)],
    query: {
      ...(state === undefined ? {} : { states: state.split(",").map(stateOf) }),
      ...(func === undefined ? {} : { func }),
      ...(search === undefined ? {} : { search }),
      ...(madeBefore === undefined ? {} : { madeBefore }),
    },
    after: cursorOf(text("after")),
    limit: limitOf(text("limit")),
  };
}

function stateOf(text: string): ListedStateKind {
  const state = STATE_KINDS.find((kind) => kind === text);
  if (state === undefined) throw new AskError(400, `state is some of ${STATE_KINDS.join(",")}`);
  return state;
}

function secondsOf(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new AskError(400, "older is a number of seconds");
  return Number(text);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return PAGE_SIZE;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_PAGE_SIZE) return limit;
  throw new AskError(400, `limit is a number from 1 to ${MOST_PAGE_SIZE}`);
}

function cursorText({ madeAt, key }: Cursor): string {
  return `${madeAt}:${key}`;
}

function cursorOf(text: string | undefined): Cursor | null {
  if (text === undefined) return null;
  const [, made, key] = /^(\d{1,14}(?:\.\d{1,6})?):(.+)$/s.exec(text) ?? [];
  if (made === undefined || key === undefined) throw new AskError(400, "after is what next said");
  return { madeAt: Number(made), key };
}

function tasksHtml(view: TasksView, ask: Ask): Html {
  const { found, next, seen, now } = view;
  const all = Object.fromEntries(ask.query);
  const isFiltered = ["spool", "state", "func", "q", "older", "after"].some((name) => all[name]);
  return html`
    <h1>Tasks</h1>
    ${filters(ask)}
    ${found.length === 0
      ? empty(
        next !== null
          ? "None of these so far: there are more to search."
          : isFiltered
          ? html`No task matches. <a href="/tasks">Show all</a>`
          : "No tasks: everything that came in is done.",
      )
      : list(found, now)}
    <p
      class="pager">${all.after
        ? html`<a href="${href(["tasks"], { ...all, after: null })}">Newest</a>`
        : null}${next === null
        ? null
        : html`<a rel="next" href="${href(["tasks"], { ...all, after: cursorText(next) })}">${
          found.length < view.wish.limit ? "Search on" : "Older"
        }</a>`}<span class="small">${found.length} of ${countText(
          seen,
        )} in these directories</span></p>
  `;
}

function filters({ parts, query }: Ask): Html {
  const option = (name: string, value: string, label: string) =>
    html`
      <option value="${value}" ${(query.get(name) ?? "") === value
        ? html`
          selected
        `
        : null}>${label}</option>
    `;
  const spools = parts.spools();
  return html`<form class="filters" action="/tasks" method="get" role="search">
${
    spools.length < 2
      ? null
      : html`<label>Spool <select name="spool">${option("spool", "", "all")}${
        spools.map(({ name }) => option("spool", name, name))
      }</select></label>`
  }
<label>State <select name="state">${option("state", "", "any")}${
    STATE_KINDS.map((kind) => option("state", kind, kind))
  }</select></label>
<label>Function <input name="func" value="${
    query.get("func")
  }" size="14" maxlength="${LONGEST_TEXT}" autocomplete="off" spellcheck="false"></label>
<label class="wide">Search <input type="search" name="q" value="${
    query.get("q")
  }" maxlength="${LONGEST_TEXT}" placeholder="name, key, value or error" autocomplete="off" spellcheck="false"></label>
<button>Show</button></form>`;
}

function list(found: readonly FoundTask[], now: number): Html {
  const rows = found.map((each) => ({ ...each, summary: summaryOf(each.task) }));
  return table("Tasks, the newest first", rows, [
    {
      head: "Task",
      cell: ({ spool, task }) => html`<a href="${taskHref(spool, task)}">${shortId(task)}</a>`,
    },
    { head: "State", cell: ({ summary }) => badge(summary.state) },
    {
      head: "Function",
      cell: ({ summary: { func } }) =>
        func === null ? html`<span class="none">–</span>` : safeBytes(func),
    },
    { head: "Spool", cell: ({ spool }) => spool.name },
    { head: "Made", isNumber: true, cell: ({ task }) => momentHtml(task.madeAt, now) },
    {
      head: "Due",
      isNumber: true,
      cell: ({ summary: { dueAt } }) =>
        dueAt === null
          ? html`<span class="none">–</span>`
          : dueAt > now
          ? momentHtml(dueAt, now)
          : `for ${roughText(now - dueAt)}`,
    },
    {
      head: "Failures",
      isNumber: true,
      cell: ({ summary: { attempts } }) =>
        attempts === 0 ? html`<span class="none">0</span>` : attempts,
    },
    {
      head: "Last error",
      cell: ({ summary: { lastError, lastLine } }) => {
        const error = [lastError ?? [], lastLine ?? []].flat().join(": ");
        return error === "" ? null : html`<span class="error">${error}</span>`;
      },
    },
  ]);
}

export function taskHref(spool: SiteSpool, task: Parameters<typeof placedId>[0]): string {
  return href(["tasks", spool.name, ...placedId(task).split("/")]);
}
