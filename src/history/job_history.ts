/** Where the history of jobs lies: beside the file with their state. */

import { type AroundOptions, directoryAround } from "../spool/around.ts";
import { HistoryFiles } from "../spool/history_files.ts";

/** What the name of a schedule's state file is followed by, in the name of its history. */
const ENDING = ".history";

/** The history of the jobs whose state is in a file. */
export interface JobHistory extends Disposable {
  readonly files: HistoryFiles;
}

export function openJobHistory(statePath: string, options: AroundOptions): JobHistory {
  const around = directoryAround(statePath, options);
  const files = new HistoryFiles(around, statePath + ENDING);
  return { files, [Symbol.dispose]: () => around.close() };
}
