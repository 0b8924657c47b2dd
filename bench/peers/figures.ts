/** What is measured of each queue. */

import { pause } from "../../tests/support/until.ts";

export interface Figures {
  readonly name: string;
  readonly putRate: number;
  /** Null where tasks cannot be kept waiting and then be drained. */
  readonly drainRate: number | null;
  readonly latenciesMs: readonly number[];
  /** In MiB. */
  readonly memory: number;
  readonly processes: number;
  /** Acknowledged tasks that ran after a SIGKILL of everything. */
  readonly survived: number;
}

export const LATENCIES = 20;
export const MARKS = 200;
/** How long nothing may come before what is missing counts as lost. */
const SILENCE_MS = 8000;

/** Waits for all marks, or for a long silence. */
export async function survivors(count: () => number): Promise<number> {
  let seen = count();
  for (let silentSince = Date.now(); seen < MARKS && Date.now() - silentSince < SILENCE_MS;) {
    await pause(100);
    if (count() > seen) silentSince = Date.now();
    seen = count();
  }
  return seen;
}
