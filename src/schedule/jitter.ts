/**
 * Jitter: how much later than its slot a job starts on this host.
 *
 * It follows from the host and the job alone, so that it is the same at every start, while a
 * thousand hosts with the same ini spread over the whole window.
 *
 * @pure
 */

import { hash64 } from "./hash.ts";

/** @returns milliseconds, 0 or more and less than `jitterMs` */
export function jitterOffset(host: string, job: string, jitterMs: number): number {
  if (jitterMs < 1) return 0;
  // FNV leaves the low bits of similar names alike; the high ones are mixed.
  return Number((hash64(`${host}\n${job}`) >> 16n) % BigInt(Math.floor(jitterMs)));
}
