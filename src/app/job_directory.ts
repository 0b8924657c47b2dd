/** Where the commands of jobs start. @pure */

import type { Config } from "../config/config.ts";

export function jobDirectory({ baseDir }: Pick<Config, "baseDir">): string {
  return baseDir;
}
