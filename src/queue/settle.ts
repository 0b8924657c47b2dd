/**
 * What becomes of a task after a run: one pure function decides every fate.
 */

import type { Random } from "../platform/clock.ts";
import { backoffMs, type RetryPolicy } from "./backoff.ts";

/** What a handler made of a task. */
export type Outcome =
  | { readonly kind: "done" }
  /** Asked to run again; not a failure. */
  | { readonly kind: "retry"; readonly reason: string }
  /** No handler took it. */
  | { readonly kind: "unhandled"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly stderr: string }
  /** Will not get better by trying again. */
  | { readonly kind: "permanent"; readonly reason: string; readonly stderr: string }
  /** Stopped by us, through no fault of its own. */
  | { readonly kind: "interrupted" }
  /** Nobody could take it, through no fault of its own: it is to be tried when somebody can. */
  | { readonly kind: "unavailable"; readonly reason: string };

/** The state a task goes to. */
export type Fate =
  | { readonly kind: "done" }
  /** `dueAt` is in milliseconds since the epoch. */
  | { readonly kind: "deferred"; readonly dueAt: number; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string }
  /** Stays as it is, ready. */
  | { readonly kind: "ready"; readonly reason: string };

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
    case "unavailable":
      return { kind: "ready", reason: outcome.reason };
    case "retry":
      return { kind: "deferred", dueAt: now + frequencyMs, reason: outcome.reason };
    case "permanent":
      return { kind: "failed", reason: outcome.reason };
    case "unhandled":
      return {
        kind: "deferred",
        dueAt: now + backoffMs(failures + 1, policy, random),
        reason: outcome.reason,
      };
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
