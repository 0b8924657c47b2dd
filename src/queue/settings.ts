/** What an ini says about a spool and the work on it. Types only. */

import type { SpoolLimits } from "../spool/limits.ts";
import type { RetryPolicy } from "../task/backoff.ts";
import type { StartRate } from "./rate.ts";

/** A directory whose tasks are ours to run. */
export interface SpoolConfig {
  /** Absolute. */
  readonly dir: string;
  /** Tasks that run at the same time. */
  readonly processes: number;
  /** Between two scans of the whole directory. */
  readonly frequencyMs: number;
  /** The longest a task may run; null is without end. */
  readonly harakiriMs: number | null;
  /** See the whole directory before the first task runs. */
  readonly ordered: boolean;
  /** Sync files and directories before a task counts as accepted. */
  readonly fsync: boolean;
  readonly retry: RetryPolicy;
  /** Where its commands run. */
  readonly cwd: string;
  /** An older task is given up instead of being run; null is never. */
  readonly maxAgeMs: number | null;
  /** A task that has been in failed/ for longer is removed; null keeps it. */
  readonly failedMaxAgeMs: number | null;
  /** A shell command for each task that is given up. */
  readonly onFailure: string | null;
  readonly rate: StartRate | null;
  readonly limits: SpoolLimits;
  /** Others work through it: tasks for it are accepted, none is run. */
  readonly external: boolean;
}
