/** Runs of a history that may be long: others work meanwhile. */

import { type Found, type RunFilter, runsBySegment } from "../history/reader.ts";
import type { Clock } from "../platform/clock.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { Turns } from "./turns.ts";

/** Those that ended last, as many as are asked for, the last one first. */
export async function findRuns(
  files: HistoryFiles,
  filter: RunFilter,
  { clock, limit = Infinity }: { readonly clock: Clock; readonly limit?: number },
): Promise<Found[]> {
  const turns = new Turns(clock);
  const found: Found[] = [];
  for (const { runs } of runsBySegment(files, filter)) {
    for (const run of runs) {
      if (found.length >= limit) return found;
      found.push(run);
    }
    await turns.give();
  }
  return found;
}

/**
 * Those that started last: as many as are asked for, others that may be older behind them. They are
 * recorded by when they ended: one that took hours stands among the newest.
 */
export async function newestRuns(
  files: HistoryFiles,
  filter: RunFilter,
  { clock, limit }: { readonly clock: Clock; readonly limit: number },
): Promise<Found[]> {
  const turns = new Turns(clock);
  const found: Found[] = [];
  for (const { runs, othersEndedBy } of runsBySegment(files, filter)) {
    found.push(...runs);
    const sure = found.filter(({ entry }) => entry.startedAt > othersEndedBy);
    if (sure.length >= limit) break;
    await turns.give();
  }
  return found.toSorted((a, b) => b.entry.startedAt - a.entry.startedAt);
}
