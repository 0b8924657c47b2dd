/** One job: when it runs, how it went the last times, and what it printed. */

import { jobRunJson } from "../history/run_text.ts";
import type { Found } from "../history/reader.ts";
import { isoText } from "../report/task_summary.ts";
import type { JobSnapshot } from "../report/snapshot.ts";
import { type Ask, AskError } from "./ask.ts";
import { findRuns } from "./found_runs.ts";
import { href, type Html, joined, markup, type Part } from "./html.ts";
import { jobActions } from "./job_actions.ts";
import { maskedRun } from "./masked.ts";
import { page } from "./page.ts";
import { liveOutput, runsSection } from "./runs.ts";
import { empty, facts } from "./table.ts";
import { badge, clockHtml } from "./text.ts";

interface JobView {
  readonly job: JobSnapshot;
  readonly coming: readonly number[];
  /** The newest first. */
  readonly runs: readonly Found[];
  readonly now: number;
}

const DAY_MS = 86_400_000;
const NEXT_SHOWN = 5;
/** The history page has the others. */
const RUNS_SHOWN = 20;

export const jobPage = page<JobView>({
  name: "schedules",
  takes: (count) => count === 1,
  refreshMs: 5000,
  title: ({ job }) => job.name,
  async load({ parts, segments }) {
    const [name = ""] = segments;
    const { jobs, at } = await parts.snapshot();
    const job = jobs.find((each) => each.name === name);
    if (job === undefined) throw new AskError(404, "this program has no job of that name");
    const coming = parts.coming(at + DAY_MS, NEXT_SHOWN).find((each) => each.job === name);
    const about = { clock: parts.clock, limit: RUNS_SHOWN };
    const runs = (await findRuns(parts.jobHistory(), { job: name }, about))
      .map((run) => maskedRun(run, parts.mask));
    return { job, coming: coming?.times ?? [], runs, now: at };
  },
  json: ({ job, coming, runs }) => ({
    ...job,
    coming: coming.map(isoText),
    runs: runs.flatMap(({ entry }) => "job" in entry ? [jobRunJson(entry)] : []),
  }),
  html: jobHtml,
});

function jobHtml({ job, coming, runs, now }: JobView, ask: Ask): Html {
  const { name, when, command, running, nextAt } = job;
  const { parts } = ask;
  const next: Part = coming.length > 0
    ? joined(coming.map((at) => clockHtml(at, now)), markup`<br>`)
    : clockHtml(nextAt, now);
  const known: [string, Part][] = [
    ["Schedule", when],
    ["Command", markup`<code class="command">${command}</code>`],
    ["Next", next],
  ];
  return markup`<nav class="crumbs" aria-label="Where this is"><a href="/schedules">Schedules</a></nav>
<h1>${name} ${running > 0 ? badge("running") : null}</h1>
<p class="bar">${jobActions(job, ask)}</p>
${facts(known)}
${
    running === 0
      ? null
      : liveOutput(parts.jobHistory(), name, href(["job-output", name]), parts.mask)
  }
${
    runs.length === 0
      ? empty("No run of it is known: it has not run yet, or nothing is kept (spooler-history).")
      : runsSection(parts.jobHistory(), runs, now, parts)
  }
<p class="pager"><a href="${href(["history"], { job: name })}">All its runs</a></p>`;
}
