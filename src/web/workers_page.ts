/** Who runs the tasks, and how do they fare? */

import { processMemory } from "../monitor/process_memory.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import { refOf } from "../spool/layout.ts";
import { shortId } from "../report/task_name.ts";
import { measuredText } from "../platform/duration_text.ts";
import { href, markup } from "./html.ts";
import { page } from "./page.ts";
import { runningTable } from "./running.ts";
import { empty, table } from "./table.ts";
import { badge, bytesText, countText, momentHtml } from "./text.ts";

interface WorkersView {
  readonly now: ProgramSnapshot;
  /** Bytes, by pid. */
  readonly memory: ReadonlyMap<number, number>;
}

export const workersPage = page<WorkersView>({
  name: "workers",
  refreshMs: 4000,
  title: () => "Workers",
  async load({ parts }) {
    const now = await parts.snapshot();
    const pids = now.workers.flatMap(({ pid }) => pid ?? []);
    return { now, memory: new Map(pids.map((pid) => [pid, processMemory(pid).rssBytes])) };
  },
  json: ({ now, memory }) => ({
    workers: now.workers.map((worker) => ({
      ...worker,
      rssBytes: memory.get(worker.pid ?? 0) ?? null,
    })),
    running: now.running,
  }),
  html: ({ now, memory }) =>
    markup`<h1>Workers</h1>
${
      now.workers.length === 0
        ? empty("No workers: no task module is loaded. Commands run in processes of their own.")
        : table("Workers", now.workers, [
          { head: "Worker", cell: ({ spool, number }) => `${spool} #${number}` },
          {
            head: "Modules",
            cell: ({ modules, language }) =>
              markup`${modules} <span class="small">${language}</span>`,
          },
          { head: "State", cell: ({ state }) => badge(state) },
          {
            head: "Task",
            cell: ({ spool, task, busyMs }) =>
              task === null
                ? markup`<span class="none">–</span>`
                : markup`<a href="${href(["tasks", spool, ...task.split("/")])}">${
                  shortId(refOf(task))
                }</a> <span class="small">for ${measuredText(busyMs)}</span>`,
          },
          { head: "Answered", isNumber: true, cell: ({ totals }) => countText(totals.answered) },
          { head: "Failed", isNumber: true, cell: ({ totals }) => countText(totals.exceptions) },
          { head: "Time limit", isNumber: true, cell: ({ totals }) => countText(totals.harakiris) },
          {
            head: "Average",
            isNumber: true,
            cell: ({ totals: { answered, runMs } }) =>
              answered === 0 ? markup`<span class="none">–</span>` : measuredText(runMs / answered),
          },
          {
            head: "Memory",
            isNumber: true,
            cell: ({ pid }) => pid === null ? null : bytesText(memory.get(pid) ?? 0),
          },
          { head: "Pid", isNumber: true, cell: ({ pid }) => pid },
          {
            head: "Started",
            isNumber: true,
            cell: ({ totals }) =>
              markup`${momentHtml(totals.lastSpawnAt, now.at)}${
                totals.spawns > 1
                  ? markup`<span class="small">(${totals.spawns} times)</span>`
                  : null
              }`,
          },
        ])
    }
<h2>Running now</h2>
${
      now.running.length === 0
        ? empty("Nothing runs at this moment.")
        : runningTable(now.running, now.at)
    }`,
});
