/** What the dashboard shows things of. Types only. */

import type { SiteSetting } from "../monitor/monitors.ts";
import type { Actions } from "../control/actions.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { ProgramSnapshot, ReachedLimit } from "../report/snapshot.ts";
import type { ComingStarts } from "../schedule/upcoming.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import type { Inspector } from "../spool/inspect.ts";

export interface SiteSpool {
  readonly name: string;
  readonly dir: string;
  /** Another program runs its tasks. */
  readonly external: boolean;
  readonly inspector: Inspector;
  /** What has run, and what it printed. */
  readonly history: HistoryFiles;
}

export interface SiteParts extends SiteSetting {
  readonly clock: Clock;
  /** Takes secrets out of a text. */
  mask(text: string): string;
  readonly actions: Actions;
  snapshot(): Promise<ProgramSnapshot>;
  /** The limit that a ready task waits for; of a spool by its directory. */
  limitOf(spool: string, id: string): ReachedLimit | null;
  /** Of the present configuration. */
  spools(): readonly SiteSpool[];
  config(): Config;
  /** How often a job runs now; null when there is no such job. */
  runningOf(job: string): number | null;
  /** Of the jobs. */
  jobHistory(): HistoryFiles;
  /** The starts of each job until then, `most` of each at most. */
  coming(untilAt: number, most: number): readonly ComingStarts[];
}
