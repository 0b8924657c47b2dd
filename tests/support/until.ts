/** Waiting for what another process does, where the system reports it in no other way. */

import { PATIENCE_MS } from "./program.ts";

const POLL_MS = 5;

/** For pacing what a test does; what it waits for has {@link until}. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Resolves when `condition` holds.
 *
 * @throws {Error} with what was waited for, when it never does
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`still not there: ${what}`);
    await pause(POLL_MS);
  }
}
