/** Where the commands of jobs start. @pure */

import type { Config } from "../config/config.ts";

export function jobDirectory({ workingDir }: Pick<Config, "workingDir">): string {
  return workingDir;
}
