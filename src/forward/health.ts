/**
 * Whether a target accepts tasks, and when to try again if it does not.
 *
 * - up: it accepted the last task, or refused it for a reason of the task's
 * - down: it cannot be reached, broke off, or refuses everything; no task is sent until a probe
 * - trial: a probe reached it, or nothing is known of it yet; one task at a time may try
 *
 * The backoff belongs to the target and not to its tasks: a hundred thousand tasks for a dead peer
 * cost one attempt to connect, at most a second apart.
 *
 * @pure
 */

import type { Random } from "../platform/clock.ts";
import { backoffMs, type RetryPolicy } from "../task/backoff.ts";

export type Health =
  | { readonly kind: "up" }
  | { readonly kind: "trial"; readonly trouble: Trouble | null }
  | { readonly kind: "down"; readonly trouble: Trouble; readonly retryInMs: number };

/** A streak of failures, from the first to the next task that is accepted. */
export interface Trouble {
  /** Of the last failure. */
  readonly reason: string;
  /** Of the first failure, on the monotonic clock. */
  readonly since: number;
  readonly failures: number;
}

/** With its jitter always below a second: a peer that is back is found, and has a task, within that. */
const PROBES: RetryPolicy = { delayMs: 50, maxDelayMs: 600, maxRetries: 0 };

export const UNKNOWN: Health = { kind: "trial", trouble: null };
export const UP: Health = { kind: "up" };

/** @param now on the monotonic clock */
export function afterFailure(
  health: Health,
  reason: string,
  now: number,
  random: Random,
): Extract<Health, { kind: "down" }> {
  const before = troubleOf(health);
  const failures = (before?.failures ?? 0) + 1;
  const trouble: Trouble = { reason, since: before?.since ?? now, failures };
  return { kind: "down", trouble, retryInMs: backoffMs(failures, PROBES, random) };
}

export function afterProbe(health: Health): Health {
  return { kind: "trial", trouble: troubleOf(health) };
}

export function troubleOf(health: Health): Trouble | null {
  return health.kind === "up" ? null : health.trouble;
}
