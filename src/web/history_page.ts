/** What has run, the newest first? */

import type { Found } from "../history/reader.ts";
import { jobRunJson, resultText, taskRunJson } from "../history/run_text.ts";
import { measuredText } from "../platform/duration_text.ts";
import { safeLabel } from "../report/task_name.ts";
import type { Ask } from "./ask.ts";
import { newestRuns } from "./found_runs.ts";
import { href, type Html, markup } from "./html.ts";
import { maskedRun } from "./masked.ts";
import { page } from "./page.ts";
import { kindOf } from "./runs.ts";
import { empty, table } from "./table.ts";
import { LONGEST_TEXT, wishOf } from "./task_wish.ts";
import { badge, countText, momentHtml } from "./text.ts";

interface ShownRun extends Found {
  /** Null for a job's. */
  readonly spool: string | null;
}

interface HistoryView {
  readonly runs: readonly ShownRun[];
  /** There may be older ones. */
  readonly hasMore: boolean;
  readonly now: number;
}

export const historyPage = page<HistoryView>({
  name: "history",
  refreshMs: 10_000,
  title: () => "History",
  async load({ parts, query }) {
    const { spools, query: { func }, limit } = wishOf(parts, query);
    const job = query.get("job")?.slice(0, LONGEST_TEXT) || undefined;
    const before = Number(query.get("before")) || undefined;
    const filter = { ...(func && { func }), ...(job && { job }), ...(before && { before }) };
    const isOfJobs = func === undefined && !query.get("spool");
    const sources = [
      ...(job === undefined ? spools.map(({ name, history }) => [name, history] as const) : []),
      ...(isOfJobs ? [[null, parts.jobHistory()] as const] : []),
    ];
    const runs: ShownRun[] = [];
    for (const [spool, files] of sources) {
      const found = await newestRuns(files, filter, { clock: parts.clock, limit });
      runs.push(...found.map((each) => ({ ...each, spool })));
    }
    const newest = runs.toSorted((a, b) => b.entry.startedAt - a.entry.startedAt);
    // The next page begins before this millisecond: all that started in it stand here.
    const last = newest[limit - 1]?.entry.startedAt;
    const shown = newest.filter(({ entry }) => last === undefined || entry.startedAt >= last);
    return {
      runs: shown.map((run) => maskedRun(run, parts.mask)),
      hasMore: last !== undefined,
      now: parts.clock.now(),
    };
  },
  json: ({ runs, hasMore }) => ({
    runs: runs.map(({ entry, spool }) =>
      "job" in entry
        ? jobRunJson(entry)
        : { spool, name: entry.name, function: entry.func, ...taskRunJson(entry) }
    ),
    before: hasMore ? runs.at(-1)?.entry.startedAt : null,
  }),
  html: historyHtml,
});

function historyHtml({ runs, hasMore, now }: HistoryView, { query }: Ask): Html {
  const last = hasMore ? runs.at(-1)?.entry.startedAt : undefined;
  return markup`<h1>History</h1>
<form class="filters" action="/history" method="get" role="search">
<label>Function <input name="function" value="${
    query.get("function")
  }" maxlength="${LONGEST_TEXT}" autocomplete="off" spellcheck="false"></label>
<label>Job <input name="job" value="${
    query.get("job")
  }" maxlength="${LONGEST_TEXT}" autocomplete="off" spellcheck="false"></label>
<button>Show</button></form>
${
    runs.length === 0
      ? empty("Nothing has run yet, or nothing is kept (spooler-history).")
      : table("Runs, the newest first", runs, [
        {
          head: "What",
          cell: ({ entry, spool }) =>
            "job" in entry
              ? markup`<a href="${
                href(["schedules", entry.job])
              }"><b>${entry.job}</b></a> <span class="small">job</span>`
              : markup`<a href="${href(["tasks", spool ?? "", entry.name])}">${
                safeLabel(entry.name)
              }</a>`,
        },
        { head: "Function", cell: ({ entry }) => "func" in entry ? entry.func : null },
        { head: "Result", cell: (run) => badge(resultText(run.entry), kindOf(run)) },
        { head: "Attempt", isNumber: true, cell: ({ entry }) => entry.attempt },
        { head: "Started", isNumber: true, cell: ({ entry }) => momentHtml(entry.startedAt, now) },
        { head: "Took", isNumber: true, cell: ({ entry }) => measuredText(entry.tookMs) },
        {
          head: "Lines",
          isNumber: true,
          cell: ({ entry }) => entry.output === null ? null : countText(entry.output.lines),
        },
      ])
  }
<p class="pager">${
    last === undefined ? null : markup`<a rel="next" href="${
      href(["history"], {
        spool: query.get("spool"),
        function: query.get("function"),
        job: query.get("job"),
        before: String(last),
      })
    }">Older</a>`
  }</p>`;
}
