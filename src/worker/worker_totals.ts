/** What workers have done, by their number in a pool: a fresh process goes on with the numbers. @pure */

import type { WorkerTotals } from "../report/snapshot.ts";
import type { AnswerGroup } from "./message.ts";

export class TotalsByNumber {
  readonly #totals = new Map<number, WorkerTotals>();

  /** A process with this number is started, at `now` (milliseconds since the epoch). */
  spawned(number: number, now: number): WorkerTotals {
    const totals = this.#totals.get(number) ??
      {
        answered: 0,
        exceptions: 0,
        runMs: 0,
        averageMs: 0,
        spawns: 0,
        harakiris: 0,
        lastSpawnAt: now,
      };
    this.#totals.set(number, totals);
    totals.spawns++;
    totals.lastSpawnAt = now;
    return totals;
  }
}

/** @param groups as a worker answers them, those that are no answer to what it has among them */
export function addAnswers(totals: WorkerTotals, groups: readonly AnswerGroup[]): void {
  for (const { kind, tookMs, nextTookMs } of groups) {
    // It did not run them.
    if (kind === "busy" || kind === "gone" || kind === "elsewhere" || kind === "inspect") continue;
    const count = 1 + nextTookMs.length;
    totals.answered += count;
    addRun(totals, tookMs);
    for (const ms of nextTookMs) addRun(totals, ms);
    if (kind === "failed" || kind === "permanent") totals.exceptions += count;
  }
}

function addRun(totals: WorkerTotals, ms: number): void {
  totals.runMs += ms;
  totals.averageMs = (totals.averageMs + ms) / 2;
}
