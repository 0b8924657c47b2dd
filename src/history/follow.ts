/** Follows what a running task or job prints, to its end. */

import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import type { OutputLine } from "./run_output.ts";
import {
  endOfHistory,
  type Found,
  HISTORY_START,
  newestBehind,
  outputOf,
  presentOutput,
} from "./reader.ts";

/** The program writes what is new in batches of about this. */
const AGAIN_MS = 200;
/** When something runs no more, its entry is written so soon. */
const ENTRY_WITHIN_MS = 2000;

export interface FollowOptions {
  readonly files: HistoryFiles;
  readonly of: { readonly name: string } | { readonly job: string };
  readonly clock: Clock;
  /** When the last run started that is over and not meant; without it no run is meant that is in the history now. */
  readonly after?: number;
  /** Whether it runs, as far as others know: what prints nothing has no output to be seen by. */
  isRunning(): boolean;
  readonly signal?: AbortSignal;
}

/** Yields the lines as they come, each once; returns the run's entry, or null where none is written. */
export async function* follow(
  { files, of, clock, after, isRunning, signal }: FollowOptions,
): AsyncGenerator<OutputLine, Found | null> {
  const name = "name" in of ? of.name : of.job;
  const filter = after === undefined ? of : { ...of, since: after + 1 };
  let end = after === undefined ? endOfHistory(files) : HISTORY_START;
  let last = 0;
  let quietMs = 0;
  while (!signal?.aborted) {
    const present = presentOutput(files, name, last);
    for (const line of present?.lines ?? []) {
      last = line.number;
      yield line;
    }
    if (present !== null || isRunning()) quietMs = 0;
    else {
      const ended = newestBehind(files, end, filter);
      if (ended.run !== null) {
        yield* (outputOf(files, ended.run) ?? []).filter(({ number }) => number > last);
        return ended.run;
      }
      end = ended.end;
      if (quietMs >= ENTRY_WITHIN_MS) return null;
      quietMs += AGAIN_MS;
    }
    await pauseOrAbort(clock, AGAIN_MS, signal);
  }
  return null;
}
