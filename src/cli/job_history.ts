/** `spooler jobs --history`: what the jobs ran, the last run first. */

import type { JobEntry } from "../history/entry.ts";
import { LAST_RUNS } from "../history/rare_jobs.ts";
import { jobsIn } from "../history/reader.ts";
import { jobRunJson, outputText, resultText } from "../history/run_text.ts";
import { measuredText } from "../platform/duration_text.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { resultColour } from "./look.ts";
import type { CliOutput } from "./output.ts";
import { Table } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

/** Rows of a piece: the first one decides how wide the columns are. */
const PIECE = 1000;

/** @param job all when undefined */
export async function showJobHistory(
  files: HistoryFiles,
  job: string | undefined,
  isJson: boolean,
  output: CliOutput,
): Promise<void> {
  const columns = [
    "JOB",
    "STARTED",
    "TOOK",
    "ATTEMPT",
    { heading: "RESULT", colour: resultColour },
    "OUTPUT",
  ];
  const table = new Table(columns, lookOfOutput());
  let rows: string[][] = [];
  let isEmpty = true;
  for (const { entry } of jobsIn(files, job === undefined ? {} : { job })) {
    if (output.closed) return;
    isEmpty = false;
    if (isJson) await output.json(jobRunJson(entry));
    else rows.push(cellsOf(entry));
    if (rows.length < PIECE) continue;
    for (const line of table.lines(rows)) await output.line(line);
    rows = [];
  }
  for (const line of table.lines(rows)) await output.line(line);
  if (isEmpty) files.mustBeReadable();
}

function cellsOf(entry: JobEntry): string[] {
  const { job, startedAt, tookMs, attempt, output } = entry;
  const took = measuredText(tookMs);
  const printed = outputText(output);
  const cells = [safeText(job), timeText(startedAt), took, String(attempt), resultText(entry)];
  return [...cells, printed === "" ? "-" : printed];
}

/** The last few runs of each job, the last one first. */
export function lastRunsOf(files: HistoryFiles): ReadonlyMap<string, readonly JobEntry[]> {
  const runs = new Map<string, JobEntry[]>();
  for (const { entry } of jobsIn(files)) {
    const known = runs.get(entry.job);
    if (known === undefined) runs.set(entry.job, [entry]);
    else if (known.length < LAST_RUNS) known.push(entry);
  }
  return runs;
}

/** `3 × ok, exit code 1`: the last one first. */
export function lastRunsText(runs: readonly JobEntry[]): string {
  const parts: { text: string; count: number }[] = [];
  for (const text of runs.map(resultText)) {
    const last = parts.at(-1);
    if (last?.text === text) last.count++;
    else parts.push({ text, count: 1 });
  }
  return parts.map(({ text, count }) => count === 1 ? text : `${count} × ${text}`).join(", ");
}
