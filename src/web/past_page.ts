/** A task that is done, removed, or elsewhere by now: what the history has of it. */

import type { Found } from "../history/reader.ts";
import { nameFromShown } from "../platform/name.ts";
import { safeLabel } from "../report/task_name.ts";
import { taskRunJson } from "../history/run_text.ts";
import { isTaskName } from "../spool/layout.ts";
import { type Ask, AskError, spoolNamed } from "./ask.ts";
import { findRuns } from "./found_runs.ts";
import { href, markup } from "./html.ts";
import { maskedRun } from "./masked.ts";
import { page } from "./page.ts";
import type { SiteSpool } from "./parts.ts";
import { kindOf, runsSection } from "./runs.ts";
import { badge } from "./text.ts";

interface TaskThatRan {
  readonly spool: SiteSpool;
  readonly name: string;
  /** The newest first; never empty. */
  readonly runs: readonly Found[];
}

export const pastPage = page<TaskThatRan>({
  name: "tasks",
  takes: (count) => count >= 2,
  title: ({ name }) => safeLabel(name),
  async load({ parts, segments }) {
    const spool = spoolNamed(parts, segments[0] ?? "");
    const given = segments.at(-1) ?? "";
    for (const name of isTaskName(given) ? [given, nameFromShown(given)] : []) {
      const runs = await findRuns(spool.history, { name }, parts);
      if (runs.length === 0) continue;
      return { spool, name, runs: runs.map((run) => maskedRun(run, parts.mask)) };
    }
    throw new AskError(404, "there is no such task, and no run of it is known");
  },
  json: ({ spool, name, runs }) => ({
    ...{ spool: spool.name, name, state: "gone" },
    runs: runs.flatMap(({ entry }) => "job" in entry ? [] : [taskRunJson(entry)]),
  }),
  html: ({ spool, name, runs }, { parts }: Ask) =>
    markup`<nav class="crumbs" aria-label="Where this is"><a href="${
      href(["tasks"], { spool: spool.name })
    }">${spool.name}</a></nav>
<h1>${safeLabel(name)} ${runs[0] && badge("gone", kindOf(runs[0]))}</h1>
<p>The task is not in the spool any more. What it held went with it; this is what ran.</p>
${runsSection(spool.history, runs, parts.clock.now(), parts)}`,
});
