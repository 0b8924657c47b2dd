/** One task: what it is, what it holds, and what has happened to it. */

import { taskJson } from "../report/task_details.ts";
import { safeLabel, shortId } from "../report/task_name.ts";
import { safeText } from "../report/safe_text.ts";
import { safeBytes } from "../report/shown_bytes.ts";
import { limitText, summaryOf, waitsForText } from "../report/task_summary.ts";
import { taskId } from "../spool/layout.ts";
import type { ReachedLimit } from "../report/snapshot.ts";
import type { Inspected } from "../spool/inspected.ts";
import { type Ask, AskError, taskAt } from "./ask.ts";
import { BODY_FORMS, type BodyForm, MOST_SHOWN, shownBody } from "./body.ts";
import { findRuns } from "./found_runs.ts";
import { href, type Html, markup, type Part } from "./html.ts";
import { maskedRun, maskedTask } from "./masked.ts";
import type { TaskVerb } from "./act_tasks.ts";
import { button } from "./forms.ts";
import type { Found } from "../history/reader.ts";
import { taskRunJson } from "../history/run_text.ts";
import { liveOutput, runsSection } from "./runs.ts";
import { page } from "./page.ts";
import type { SiteSpool } from "./parts.ts";
import { empty, facts, table } from "./table.ts";
import { functionOf } from "./task_list.ts";
import { taskValue } from "./tasks_page.ts";
import { badge, bytesText, clockHtml, momentHtml } from "./text.ts";

interface TaskView {
  readonly spool: SiteSpool;
  readonly task: Inspected;
  /** That it waits for. */
  readonly limit: ReachedLimit | null;
  /** Its runs, the newest first. */
  readonly runs: readonly Found[];
  /** Of its body, as much as is shown. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly now: number;
}

export const taskPage = page<TaskView>({
  name: "tasks",
  takes: (count) => count >= 2 && count <= 4,
  refreshMs: 5000,
  title: ({ task }) => safeLabel(task.name),
  async load({ parts, segments }) {
    const { spool, task: placed } = taskAt(parts, segments);
    const found = spool.inspector.inspect(placed);
    if (found === null) throw new AskError(404, "the task is gone");
    const body = found.content.kind === "task" ? firstOf(spool.inspector.body(placed)) : NOTHING;
    const { name } = placed;
    const runs = (await findRuns(spool.history, { name }, parts))
      .map((run) => maskedRun(run, parts.mask));
    const task = maskedTask(found, parts.mask);
    const held = task.state.kind === "ready" ? parts.limitOf(spool.dir, taskId(placed)) : null;
    const limit = held && { ...held, limit: parts.mask(held.limit) };
    return { spool, task, limit, runs, body, now: parts.clock.now() };
  },
  json: ({ spool, task, limit, runs, now }) => ({
    ...taskJson(task, spool.name, now, limit),
    runs: runs.flatMap(({ entry }) => "job" in entry ? [] : [taskRunJson(entry)]),
  }),
  html: taskHtml,
});

const NOTHING = new Uint8Array();

function firstOf(pieces: Generator<Uint8Array>): Uint8Array<ArrayBuffer> {
  try {
    for (const piece of pieces) return piece.slice(0, MOST_SHOWN.text);
    return NOTHING;
  } catch {
    // It was done meanwhile.
    return NOTHING;
  }
}

function taskHtml(view: TaskView, ask: Ask): Html {
  const { spool, task, now } = view;
  const { content } = task;
  return markup`<nav class="crumbs" aria-label="Where this is"><a href="${
    href(["tasks"], { spool: spool.name })
  }">${spool.name}</a></nav>
<h1>${shortId(task)} ${badge(task.state.kind)}</h1>
${taskActions(view, ask)}
${facts(factsOf(view, now))}
${failures(task, now)}
${
    task.state.kind === "running"
      ? liveOutput(spool.history, task.name, streamOf(view), ask.parts.mask)
      : null
  }
${view.runs.length === 0 ? null : runsSection(spool.history, view.runs, now, ask.parts)}
<section aria-labelledby="keys"><h2 id="keys">Keys</h2>${
    content.kind === "unreadable"
      ? empty(`The file cannot be read as a task: ${content.reason}`)
      : content.vars.length === 0
      ? empty("It has none.")
      : table("Keys of the task", content.vars, [
        { head: "Key", cell: ({ name }) => markup`<code>${safeBytes(name)}</code>` },
        {
          head: "Value",
          cell: ({ value }) => markup`<code class="value">${safeBytes(value)}</code>`,
        },
      ])
  }</section>
${content.kind === "task" ? bodySection(view, content.bodySize, ask) : null}`;
}

function factsOf({ spool, task, limit }: TaskView, now: number): [string, Part][] {
  const { state, waitsFor } = task;
  const due: [string, Part][] = waitsFor.length > 0
    ? [["Starts", waitsForText(waitsFor, safeLabel)]]
    : state.kind === "ready" || state.kind === "deferred"
    ? [[
      state.kind === "ready" ? "Ready since" : "Deferred until",
      markup`${clockHtml(state.dueAt, now)} (${momentHtml(state.dueAt, now)})`,
    ]]
    : [];
  return [
    ["Function", functionOf(task) ?? markup`<span class="none">none</span>`],
    ["Spool", spool.name],
    ["Priority", task.priority ?? markup`<span class="none">none</span>`],
    ["Made", markup`${clockHtml(task.madeAt, now)} (${momentHtml(task.madeAt, now)})`],
    ...due,
    ...(limit === null ? [] : [["Waits for", limitText(limit)] as [string, Part]]),
    ["Failures", summaryOf(task).attempts],
    ["Size", bytesText(task.size)],
    ["File", markup`<code>${safeText(task.path)}</code>`],
  ];
}

function failures(task: Inspected, now: number): Html | null {
  const { attempts, state, recordProblem } = task;
  const record = state.kind === "failed" ? state.record : null;
  if (attempts === null && record === null && recordProblem === null) return null;
  return markup`<section aria-labelledby="failures"><h2 id="failures">What went wrong</h2>
<p class="error">${record?.reason ?? attempts?.reason ?? recordProblem}</p>
${
    attempts === null ? null : facts([
      ["Runs that failed", attempts.failures],
      ["First", clockHtml(attempts.firstFailureAt, now)],
      ["Last", clockHtml(attempts.lastFailureAt, now)],
      ...(attempts.crashes
        ? [["The program died during", `${attempts.crashes} of its runs`] as const]
        : []),
    ])
  }
${
    !attempts?.stderr ? null : markup`
      <h3>The end of its error output</h3>
      <pre class="output" tabindex="0">${attempts.stderr}</pre>
    `
  }</section>`;
}

function bodySection({ body, spool, task }: TaskView, size: number, ask: Ask): Html {
  if (size === 0) {
    return markup`<section aria-labelledby="body"><h2 id="body">Body</h2>${
      empty("It has none.")
    }</section>`;
  }
  const wish = ask.query.get("body");
  const known = BODY_FORMS.find((form) => form === wish) ?? null;
  const shown = shownBody(body, size, known, ask.parts.mask);
  const path = ["tasks", spool.name, ...placedPath(task)];
  const link = (form: BodyForm) =>
    markup`
      <a href="${href(path, { body: form })}#body" ${
      form === shown.form ? markup` aria-current="true"` : null
    }>${form}</a>
    `;
  return markup`<section aria-labelledby="body"><h2 id="body">Body <span class="small">${
    bytesText(size)
  }</span></h2>
<p class="forms">${BODY_FORMS.map(link)}<a href="${
    href(["api", ...path, "body"])
  }" download>download</a></p>
${shown.html}
${
    shown.left === 0
      ? null
      : markup`<p class="small">and ${bytesText(shown.left)} more</p>`
  }</section>`;
}

function placedPath({ place, priority, name }: Inspected): string[] {
  return [
    ...(place === "failed" ? ["failed"] : []),
    ...(priority === null ? [] : [priority]),
    name,
  ];
}

function taskActions({ spool, task }: TaskView, ask: Ask): Html | null {
  const { state } = task;
  const name = taskValue(spool, task);
  const form = (verb: TaskVerb, label: string, kind: string) =>
    button(ask, { action: "/tasks", values: [["do", verb], ["task", name]], label, kind });
  if (!ask.mayAct) return null;
  if (state.kind === "running") return markup`<p class="bar">${form("kill", "End…", "danger")}</p>`;
  const retry = state.kind === "ready"
    ? null
    : form("retry", state.kind === "failed" ? "Retry" : "Run now", "");
  return markup`<p class="bar">${retry} ${form("remove", "Remove…", "danger")}</p>`;
}

function streamOf({ spool, task: { name, priority } }: TaskView): string {
  return href(["output", spool.name, ...(priority === null ? [] : [priority]), name]);
}
