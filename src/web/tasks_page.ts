/** Which tasks are there? Filters and search, the newest first. */

import { roughText } from "../platform/duration_text.ts";
import { safeBytes } from "../report/shown_bytes.ts";
import { placedId, shortId } from "../report/task_name.ts";
import { shortLabel } from "../spool/layout.ts";
import { summaryJson, summaryOf, type TaskSummary, waitsForText } from "../report/task_summary.ts";
import { STATE_KINDS } from "../spool/inspected.ts";
import { STATES_FOR } from "./act_tasks.ts";
import type { Ask } from "./ask.ts";
import { hidden, placeOf } from "./forms.ts";
import { href, type Html, markup } from "./html.ts";
import { maskedTask } from "./masked.ts";
import { listings } from "./one_by_one.ts";
import { page } from "./page.ts";
import type { SiteSpool } from "./parts.ts";
import { runningNow } from "./running_tasks.ts";
import { type Column, empty, table } from "./table.ts";
import { findTasks, type FoundTask, type FoundTasks, type TaskQuery } from "./task_list.ts";
import { cursorText, FILTERS, LONGEST_TEXT, type TaskWish, wishOf } from "./task_wish.ts";
import { badge, countText, momentHtml } from "./text.ts";

interface TasksView extends FoundTasks {
  readonly wish: TaskWish;
  readonly now: number;
}

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
    const { found, ...more } = await listings.run(find);
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

function tasksHtml(view: TasksView, ask: Ask): Html {
  const { found, next, seen, now } = view;
  const all = Object.fromEntries(ask.query);
  const isFiltered = [...FILTERS, "after"].some((name) => all[name]);
  return markup`
    <h1>Tasks${ask.mayAct ? markup` <a class="button small" href="/push">New task</a>` : null}</h1>
    ${filters(ask)}
    ${
    found.length === 0
      ? empty(
        next !== null
          ? "None of these so far: there are more to search."
          : isFiltered
          ? markup`No task matches. <a href="/tasks">Show all</a>`
          : "No tasks: everything that came in is done.",
      )
      : markup`${list(found, now, ask)}${forChosen(ask)}`
  }${forAll(view, ask)}
    <p
      class="pager">${
    all.after ? markup`<a href="${href(["tasks"], { ...all, after: null })}">Newest</a>` : null
  }${
    next === null
      ? null
      : markup`<a rel="next" href="${href(["tasks"], { ...all, after: cursorText(next) })}">${
        found.length < view.wish.limit ? "Search on" : "Older"
      }</a>`
  }<span class="small">${found.length} of ${
    countText(
      seen,
    )
  } in these directories</span></p>
  `;
}

function filters({ parts, query }: Ask): Html {
  const option = (name: string, value: string, label: string) =>
    markup`
      <option value="${value}" ${
      (query.get(name) ?? "") === value ? markup` selected` : null
    }>${label}</option>
    `;
  const spools = parts.spools();
  return markup`<form class="filters" action="/tasks" method="get" role="search">
${
    spools.length < 2
      ? null
      : markup`<label>Spool <select name="spool">${option("spool", "", "all")}${
        spools.map(({ name }) => option("spool", name, name))
      }</select></label>`
  }
<label>State <select name="state">${option("state", "", "any")}${
    STATE_KINDS.map((kind) => option("state", kind, kind))
  }</select></label>
<label>Function <input name="function" value="${
    query.get("function")
  }" size="14" maxlength="${LONGEST_TEXT}" autocomplete="off" spellcheck="false"></label>
<label class="wide">Search <input type="search" name="q" value="${
    query.get("q")
  }" maxlength="${LONGEST_TEXT}" placeholder="name, key, value or error" autocomplete="off" spellcheck="false"></label>
<button>Show</button></form>`;
}

function list(found: readonly FoundTask[], now: number, { mayAct }: Ask): Html {
  const rows = found.map((each) => ({ ...each, summary: summaryOf(each.task) }));
  return table("Tasks, the newest first", rows, [
    ...(mayAct ? [choice] : []),
    {
      head: "Task",
      cell: ({ spool, task }) => markup`<a href="${taskHref(spool, task)}">${shortId(task)}</a>`,
    },
    { head: "State", cell: ({ summary }) => badge(summary.state) },
    {
      head: "Function",
      cell: ({ summary: { func } }) =>
        func === null ? markup`<span class="none">–</span>` : safeBytes(func),
    },
    { head: "Spool", cell: ({ spool }) => spool.name },
    { head: "Made", isNumber: true, cell: ({ task }) => momentHtml(task.madeAt, now) },
    {
      head: "Due",
      isNumber: true,
      cell: ({ summary: { dueAt, waitsFor } }) =>
        waitsFor.length > 0
          ? waitsForText(waitsFor, shortLabel)
          : dueAt === null
          ? markup`<span class="none">–</span>`
          : dueAt > now
          ? momentHtml(dueAt, now)
          : `for ${roughText(now - dueAt)}`,
    },
    {
      head: "Failures",
      isNumber: true,
      cell: ({ summary: { attempts } }) =>
        attempts === 0 ? markup`<span class="none">0</span>` : attempts,
    },
    {
      head: "Last error",
      cell: ({ summary: { lastError, lastLine } }) => {
        const error = [lastError ?? [], lastLine ?? []].flat().join(": ");
        return error === "" ? null : markup`<span class="error">${error}</span>`;
      },
    },
  ]);
}

export function taskHref(spool: SiteSpool, task: Parameters<typeof placedId>[0]): string {
  return href(["tasks", spool.name, ...placedId(task).split("/")]);
}

/** What a form has of it: a browser changes newlines, and nothing of this. */
export function taskValue(spool: SiteSpool, task: Parameters<typeof placedId>[0]): string {
  return taskHref(spool, task).slice("/tasks/".length);
}

interface TaskRow extends FoundTask {
  readonly summary: TaskSummary;
}

const choice: Column<TaskRow> = {
  head: "",
  cell: ({ spool, task }) =>
    markup`<input type="checkbox" name="task" form="chosen" value="${
      taskValue(spool, task)
    }" aria-label="Choose ${shortId(task)}">`,
};

const BUTTONS = [["retry", "Retry", ""], ["remove", "Remove…", "danger"], [
  "kill",
  "End…",
  "danger",
]] as const;

function forChosen(ask: Ask): Html | null {
  if (!ask.mayAct) return null;
  return markup`<form id="chosen" method="post" action="/tasks" class="bar">
${hidden([["token", ask.token], ["back", placeOf(ask)]])}
<span>Chosen tasks:</span>${
    BUTTONS.map(([verb, label, kind]) =>
      markup` <button class="small ${kind}" name="do" value="${verb}">${label}</button>`
    )
  }</form>`;
}

/** Links to the question, which says how many they are. */
function forAll({ wish: { query: { states = [] } }, found }: TasksView, ask: Ask): Html | null {
  if (!ask.mayAct || found.length === 0 || states.length === 0) return null;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, ask.query.get(name)]));
  const possible = BUTTONS.filter(([verb]) =>
    states.every((state) => STATES_FOR[verb].includes(state))
  );
  if (possible.length === 0) return null;
  return markup`<p class="bar"><span>All that match:</span>${
    possible.map(([verb, label]) =>
      markup` <a class="button small" href="${href(["tasks", "all"], { ...filters, do: verb })}">${
        label.replace("…", "")
      } all…</a>`
    )
  }</p>`;
}
