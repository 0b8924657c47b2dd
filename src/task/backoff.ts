/**
 * When a failed task runs again: delay × 2ⁿ, capped, with jitter. The one place with this formula.
 *
 * @pure
 */

import type { Random } from "../platform/clock.ts";

export interface RetryPolicy {
  /** Wait before the first retry of a failed task. */
  readonly delayMs: number;
  /** No wait is longer, jitter aside. */
  readonly maxDelayMs: number;
  /** Runs after the first; 0 never gives up. */
  readonly maxRetries: number;
}

/** A wait is drawn evenly from this much below to this much above its nominal length. */
const JITTER = 0.25;

/** Far beyond every cap, and still a number: no delay times infinity would be none. */
const MOST_DOUBLINGS = 100;

/**
 * @param failures how often it has failed, the last time included: 1 or more
 * @returns milliseconds to wait
 */
export function backoffMs(failures: number, policy: RetryPolicy, random: Random): number {
  return nominalBackoffMs(failures, policy) * (1 - JITTER + 2 * JITTER * random());
}

/** The same without jitter, for what nobody else may happen to try at the same moment. */
export function nominalBackoffMs(
  failures: number,
  { delayMs, maxDelayMs }: Pick<RetryPolicy, "delayMs" | "maxDelayMs">,
): number {
  const doublings = Math.min(failures - 1, MOST_DOUBLINGS);
  return Math.min(delayMs * 2 ** doublings, maxDelayMs);
}
