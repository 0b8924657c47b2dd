/** Runs of a history that may be long: others work meanwhile. */

import { type Found, type RunFilter, runsBySegment } from "../history/reader.ts";
import type { Clock } from "../platform/clock.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { Turns } from "./turns.ts";

/** The newest first, as many as are asked for. */
export async function findRuns(
  files: HistoryFiles,
  filter: RunFilter,
  { clock, limit = Infinity }: { readonly clock: Clock; readonly limit?: number },
): Promise<Found[]> {
  const turns = new Turns(clock);
  const found: Found[] = [];
  for (const runs of runsBySegment(files, filter)) {
    for (const run of runs) {
      if (found.length >= limit) return found;
      found.push(run);
    }
    await turns.give();
  }
  return found;
}
