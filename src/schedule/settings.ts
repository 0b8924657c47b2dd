/** What the ini says of jobs and their times. @pure */

import type { Place } from "../platform/problem.ts";
import type { Zone } from "../platform/zone.ts";
import type { CronSpec } from "./cron.ts";

export type When =
  | {
    readonly kind: "every";
    readonly everyMs: number;
    /** The first run is at the start of the program, not one interval later. */
    readonly atStart: boolean;
    /** Runs after each start of the program; null is without end. */
    readonly iterations: number | null;
  }
  | {
    readonly kind: "cron";
    readonly spec: CronSpec;
    readonly zone: Zone;
  }
  /** Once at the next start of the machine. */
  | { readonly kind: "reboot" };

/** What a job does when it is due. */
export type Action =
  | { readonly kind: "command"; readonly command: string }
  /** Puts a task into a spool. */
  | { readonly kind: "task"; readonly vars: readonly (readonly [name: string, value: string])[] }
  /**
   * Raises a uWSGI signal, 0 to 255, for a handler in task code: in that of `owner`, which has
   * registered the job itself, or, where this is null, in any.
   */
  | {
    readonly kind: "signal";
    readonly signal: number;
    readonly owner: string | null;
    /** How often a run calls the handler, one call after the other. */
    readonly times: number;
  };

/** What becomes of a job that is due while its last run goes on. */
export type Overlap = "skip" | "allow" | "queue" | "replace";

/**
 * How the machines of a cluster see to it that one of them runs a slot: a claim before it starts, or a task
 * for a stream, which each of them puts and the stream stores once.
 */
export type OnceInCluster = "claim" | "message";

/** Something that runs by the clock. */
export interface ScheduleConfig {
  /** Names the job in the log and in commands; unique. */
  readonly name: string;
  /** Names the job in the state file: its name as given, or a hash of its line. */
  readonly id: string;
  /** Names under which older versions remembered it. */
  readonly formerIds: readonly string[];
  readonly when: When;
  /** `when` as the ini has it, for people. */
  readonly whenText: string;
  readonly action: Action;
  readonly overlap: Overlap;
  /** `once=cluster`; null is each machine for itself. */
  readonly once: OnceInCluster | null;
  /** Of the jobs of a group one runs at a time. */
  readonly group: string | null;
  /** A slot missed while the program did not run is made up when it is no older; 0 is never. */
  readonly catchupMs: number;
  /** The window over which hosts spread their starts. */
  readonly jitterMs: number;
  readonly harakiriMs: number | null;
  /** Runs after the first when it fails. */
  readonly retries: number;
  /** The account that runs the command, a name or a number; null is the program's own. */
  readonly user: string | null;
  /**
   * Where its command runs: absolute, or `~` for the home of its account; null is where all jobs run.
   */
  readonly cwd: string | null;
  /** A command for when the last run has failed. */
  readonly onFailure: string | null;
  readonly place: Place;
}
