/**
 * The typed configuration: what the ini says, with nothing left to interpret.
 */

import type { RetryPolicy } from "../queue/backoff.ts";
import type { CronSpec } from "../schedule/cron.ts";
import type { Address } from "../uwsgi/address.ts";
import type { Place } from "./problem.ts";

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
}

/** `spooler-task`: a shell command that runs a task. */
export interface TaskCommand {
  /** The function it is for; null takes what no other handler wants. */
  readonly name: string | null;
  readonly command: string;
  readonly place: Place;
}

export interface ListenerConfig {
  readonly address: Address;
  readonly place: Place;
}

export type When =
  | { readonly kind: "every"; readonly everyMs: number }
  | { readonly kind: "cron"; readonly spec: CronSpec };

/** A command that runs by the clock. */
export interface ScheduleConfig {
  /** Names the job in the log; unique. */
  readonly name: string;
  readonly when: When;
  readonly command: string;
  readonly place: Place;
}

export interface Config {
  /** The ini file, for messages. */
  readonly file: string;
  /** Where relative paths start and commands run: the ini's directory. */
  readonly baseDir: string;
  readonly spools: readonly SpoolConfig[];
  readonly tasks: readonly TaskCommand[];
  readonly listeners: readonly ListenerConfig[];
  readonly schedules: readonly ScheduleConfig[];
}
