/** What an ini prints, and what is to be said of it, at a start or a reload. */

import { doubleRuns } from "../app/double_runs.ts";
import type { Loaded } from "../config/load.ts";
import { problemText } from "../platform/problem.ts";
import type { Log } from "./log.ts";

export function announce({ config, printed, warnings }: Loaded, log: Log): void {
  for (const line of printed) log.print(line);
  for (const warning of [...warnings, ...doubleRuns(config)]) {
    log.emit({ type: "config.warning", message: problemText(warning) });
  }
}
