/**
 * What becomes of a task after a run: one pure function decides every fate.
 *
 * @pure
 */

import type { Random } from "../platform/clock.ts";
import { backoffMs, type RetryPolicy } from "../task/backoff.ts";
import type { Fate } from "../task/fate.ts";
import type { KillFate, Outcome } from "../task/outcome.ts";

export interface SettleContext {
  readonly policy: RetryPolicy;
  /** Wait before a task that asked for it runs again. */
  readonly frequencyMs: number;
  /** How often the task has failed before this run. */
  readonly failures: number;
  readonly now: number;
  readonly random: Random;
}

export function settle(outcome: Outcome, context: SettleContext): Fate {
  const { policy, frequencyMs, failures, now, random } = context;
  switch (outcome.kind) {
    case "done":
      return { kind: "done" };
    case "interrupted":
      return { kind: "ready", reason: "interrupted" };
    case "killed":
      return killed(outcome.fate, outcome.reason);
    case "unavailable":
      return outcome.retryMs === undefined
        ? { kind: "ready", reason: outcome.reason }
        : { kind: "postponed", dueAt: now + outcome.retryMs, reason: outcome.reason };
    case "retry":
      return { kind: "deferred", dueAt: now + frequencyMs, reason: outcome.reason, asked: true };
    case "permanent":
      return { kind: "failed", reason: outcome.reason };
    case "unhandled":
      // As uWSGI does with a task that its handlers ignore.
      return { kind: "postponed", dueAt: now + frequencyMs, reason: outcome.reason };
    case "failed":
      if (policy.maxRetries > 0 && failures >= policy.maxRetries) {
        return { kind: "failed", reason: outcome.reason };
      }
      return {
        kind: "deferred",
        dueAt: now + backoffMs(failures + 1, policy, random),
        reason: outcome.reason,
      };
    default:
      return outcome satisfies never;
  }
}

function killed(fate: KillFate, reason: string): Fate {
  switch (fate) {
    case "fail":
      return { kind: "failed", reason, killed: true };
    case "retry":
      return { kind: "ready", reason };
    case "remove":
      return { kind: "removed", reason };
    default:
      return fate satisfies never;
  }
}
