/** How old a task is, for `spooler-max-age`. @pure */

import { findText, type Var } from "../wire/packet.ts";
import { parseAt } from "../task/request.ts";

/**
 * When a task could first have run, in milliseconds since the epoch: when it was made (uWSGI's names
 * end with that second), or at its `at`, whichever is later. Null when neither says.
 */
export function firstChance(name: string, vars: readonly Var[]): number | null {
  const [, seconds] = /_(\d{9,11})_\d{1,6}$/.exec(name) ?? [];
  if (seconds === undefined) return null;
  return Math.max(Number(seconds), atOf(vars)) * 1000;
}

function atOf(vars: readonly Var[]): number {
  try {
    return parseAt(findText(vars, "at") ?? "0");
  } catch {
    // The file may hold anything; then it says nothing about time.
    return 0;
  }
}
