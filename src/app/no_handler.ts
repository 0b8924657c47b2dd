/** Whether anything in this ini could run a task of this function in a spool. @pure */

import type { Config } from "../config/config.ts";
import { nearest } from "../config/suggest.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { safeText } from "../report/safe_text.ts";
import { SHELL_FUNCTION } from "../task/shell_task.ts";

/**
 * What modules offer is only known when they run, and what another program or a peer has for it is never
 * known here: those are given the benefit of the doubt.
 *
 * @returns what is wrong; null when something may run it
 */
export function handlerProblem(
  { file, tasks, code, spools }: Config,
  spool: Pick<SpoolConfig, "dir">,
  func: string,
): string | null {
  const own = spools.find(({ dir }) => dir === spool.dir);
  const names = tasks.map(({ name }) => name);
  if (func === SHELL_FUNCTION) {
    if (own && !own.external && names.includes(func)) return null;
    return `${file} does not allow commands in ${spool.dir} (spooler-shell = true)`;
  }
  if (!own || own.external || code.modules.length > 0) return null;
  if (names.includes(null) || names.includes(func)) return null;
  const near = nearest(func, names.filter((name) => name !== null), 1);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  const what = func === "" ? "tasks without ud_spool_func" : `the function ${safeText(func)}`;
  return `${file} has no handler for ${what}${hint}`;
}
