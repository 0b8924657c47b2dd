/** Where the commands of jobs start. @pure */

import type { Config } from "../config/config.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";

/**
 * @param home of the account that runs it, for `chdir=~`
 */
export function jobDirectory(
  { workingDir }: Pick<Config, "workingDir">,
  job: Pick<ScheduleConfig, "cwd" | "user">,
  home = `~${job.user ?? ""}`,
): string {
  return job.cwd === "~" ? home : job.cwd ?? workingDir;
}
