/** What an operator may wish of the run of a job, and is told. @pure */

import type { KillWish } from "../exec/kill_order.ts";
import type { KillResult } from "../queue/kill_result.ts";

/** Null where it can be done. */
export function refusalOfJobKill({ fate }: KillWish): KillResult | null {
  if (fate !== "remove") return null;
  return { kind: "refused", reason: "a job has no file to remove: end it with fail or retry" };
}

/** When its run is over. */
export function jobKilled({ fate }: KillWish): KillResult {
  return { kind: "ended", fate: fate === "retry" ? "ready" : "failed" };
}
