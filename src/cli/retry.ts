/** `spooler retry`: failed and deferred tasks become ready now. */

import { retryTask } from "../spool/change_task.ts";
import { systemClock } from "../platform/clock.ts";
import { timeText } from "../platform/local_time.ts";
import { readArgs } from "./args.ts";
import { changeNamed, changeOne, checkGiven, checkWords, type TaskChange } from "./change.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { type ListFilter, matching } from "../spool/matching.ts";
import { readFilter } from "./filter.ts";
import { CliOutput, note } from "./output.ts";
import { Progress } from "./progress.ts";
import { safeText } from "../report/safe_text.ts";
import {
  countOf,
  isStream,
  type Located,
  type OpenSpool,
  openSpools,
  taskWords,
  WHERE,
} from "./spools.ts";

const RETRY: TaskChange = {
  done: "retried",
  unchanged: "is ready already",
  act: ({ spool, task }: Located) => retryTask(spool.store, task),
};

export async function retry(args: readonly string[]): Promise<number> {
  const { options, flags, words: given } = readArgs("retry", args, [...WHERE, "func", "older"], [
    "all",
    "json",
  ]);
  const words = taskWords(given);
  const all = flags.has("all");
  if (all && words.length > 0) throw new UsageError("retry takes names or --all, not both");
  if (!all && (options.func ?? options.older) !== undefined) {
    throw new UsageError("retry takes --func and --older together with --all only");
  }
  if (isStream(options.dir)) {
    if (!all) checkGiven("retry", given);
    const { retryInStream } = await import("./stream_change.ts");
    const filter = all ? readFilter(options, systemClock.now()) : null;
    return await retryInStream({ where: options, words: given, isJson: flags.has("json") }, filter);
  }
  if (!all) checkWords("retry", words);
  const spools = await openSpools("retry", options, { changes: true, words });
  const output = new CliOutput();
  const report = { command: "retry", output, json: flags.has("json") };
  const allWell = await explainDenial("retry", spools, async () => {
    if (!all) return await changeNamed(spools, words, RETRY, report);
    let areWell = true;
    using progress = new Progress(() => countOf(spools, { states: ["failed"] }));
    for (const spool of spools) {
      const filter: ListFilter = {
        ...readFilter(options, spool.clock.now()),
        states: ["failed"],
      };
      for (const task of matching(spool.inspector, filter, progress.step)) {
        if (!await changeOne({ spool, task }, RETRY, report)) areWell = false;
      }
    }
    return areWell;
  });
  await output.flush();
  if (!report.json) spools.forEach(notePause);
  return allWell ? 0 : 1;
}

/** An operator who asks for a run should know why it does not come. */
function notePause({ dir, inspector }: OpenSpool): void {
  const since = inspector.pausedSince();
  if (since !== null) {
    note(`${safeText(dir)} is paused since ${timeText(since)}: nothing runs before spooler resume`);
  }
}
