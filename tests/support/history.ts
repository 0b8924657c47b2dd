/** A history on disk, as another program reads it. */

import { systemClock } from "../../src/platform/clock.ts";
import { SpoolDirectory } from "../../src/spool/directory.ts";
import { HistoryFiles } from "../../src/spool/history_files.ts";
import { HISTORY_DIR } from "../../src/spool/layout.ts";
import { openJobHistory } from "../../src/history/job_history.ts";
import { platform } from "./platform.ts";
import { until } from "./until.ts";

const options = { ...platform, clock: systemClock, random: Math.random };

export function historyOf(spool: string): HistoryFiles {
  const directory = new SpoolDirectory({ dir: spool, fsync: false, ...options });
  return new HistoryFiles(directory, `${spool}/${HISTORY_DIR}`);
}

export function historyOfJobs(statePath: string): HistoryFiles {
  return openJobHistory(statePath, options).files;
}

/** The answer to a question about a history, as soon as it has one that is not undefined. */
export async function soon<T>(what: string, ask: () => T | undefined): Promise<T> {
  let answer: T | undefined;
  await until(() => (answer = ask()) !== undefined, what);
  if (answer === undefined) throw new Error(what);
  return answer;
}
