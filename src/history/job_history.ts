/** Where the history of jobs lies: beside the file with their state. */

import { dirname } from "@std/path";
import type { Clock, Random } from "../platform/clock.ts";
import { SpoolDirectory } from "../spool/directory.ts";
import { HistoryFiles } from "../spool/history_files.ts";
import type { Platform } from "../spool/platform.ts";

/** What the name of a schedule's state file is followed by, in the name of its history. */
const ENDING = ".history";

export interface JobHistoryOptions extends Platform {
  readonly clock: Clock;
  readonly random: Random;
}

/** The history of the jobs whose state is in a file. */
export interface JobHistory extends Disposable {
  readonly files: HistoryFiles;
}

export function openJobHistory(statePath: string, options: JobHistoryOptions): JobHistory {
  const around = new SpoolDirectory({ dir: dirname(statePath), fsync: false, ...options });
  const files = new HistoryFiles(around, statePath + ENDING);
  return { files, [Symbol.dispose]: () => around.close() };
}
