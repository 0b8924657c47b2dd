/**
 * What a history of jobs keeps of those that run rarely: all jobs have one history, and a timer of a few
 * seconds would fill it between two nights. When the oldest segment goes, the last runs of each job go
 * over into the next one, in front of what it has.
 */

import type { HistoryFiles } from "../spool/history_files.ts";
import { entryLine, type JobEntry } from "./entry.ts";
import { type Found, jobsOf, outputOf } from "./reader.ts";
import { outputLine } from "./run_output.ts";

/** Runs that each job keeps, and that its line in `spooler jobs` shows. */
export const LAST_RUNS = 5;

/**
 * Saves what would be lost with a segment.
 *
 * @param newer the segments behind it, the oldest first
 * @param most how many runs at most, so that what goes is more than what stays
 */
export function carryOver(
  files: HistoryFiles,
  segment: string,
  newer: readonly string[],
  most: number,
): void {
  const [next] = newer;
  // What is written to may be appended to by other programs.
  if (next === undefined || newer.length < 2) return;
  const texts = newer.map((each) => new TextDecoder().decode(files.read(each))).toReversed();
  const counts = new Map<string, number>();
  const countOf = (job: string) => counts.get(job) ?? countIn(texts, job);
  const kept: Found<JobEntry>[] = [];
  for (const run of jobsOf(files, segment)) {
    if (kept.length >= most) break;
    const { job } = run.entry;
    const count = countOf(job);
    counts.set(job, count + 1);
    if (count < LAST_RUNS) kept.push(run);
  }
  if (kept.length === 0) return;
  const lines = kept.toReversed().map((run) => entryLine(moved(files, run, next)));
  files.prepend(next, new TextEncoder().encode(lines.join("")));
}

/** So many runs of a job, or more; to take the lines apart would cost a hundred times as much. */
function countIn(texts: readonly string[], job: string): number {
  const mark = `"job":${JSON.stringify(job)},`;
  let count = 0;
  for (const text of texts) {
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      if (++count === LAST_RUNS) return count;
    }
  }
  return count;
}

/** With its output beside the segment that it goes into. */
function moved(files: HistoryFiles, run: Found<JobEntry>, to: string): JobEntry {
  const { entry } = run;
  const file = entry.output?.file ?? null;
  const lines = file === null ? null : outputOf(files, run);
  if (entry.output === null || file === null || lines === null) return entry;
  const bytes = new TextEncoder().encode(lines.map(outputLine).join(""));
  files.putOutput(to, file, bytes);
  return entry;
}
