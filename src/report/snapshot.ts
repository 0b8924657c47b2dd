/**
 * What the program is doing now, as one value: for `status`, statistics, metrics and health. Times that
 * end in `At` are milliseconds since the epoch. Types only. @pure
 */

import type { Level } from "./level.ts";

export interface ProgramSnapshot {
  readonly version: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
  /** The ini file. */
  readonly file: string;
  readonly startedAt: number;
  /** When this was taken. */
  readonly at: number;
  readonly isStopping: boolean;
  readonly spools: readonly SpoolSnapshot[];
  /** The oldest first. */
  readonly running: readonly RunningTaskSnapshot[];
  readonly workers: readonly WorkerSnapshot[];
  readonly jobs: readonly JobSnapshot[];
  readonly sockets: readonly SocketSnapshot[];
  /** Open connections of peers, of all sockets together. */
  readonly connections: number;
  readonly targets: readonly TargetSnapshot[];
  /** The last ones, the oldest first. */
  readonly warnings: readonly WarningSnapshot[];
}

/** How many tasks of a spool are in each state. */
export interface StateCounts {
  /** Waiting for their turn, those that a worker has been handed and not begun among them. */
  readonly ready: number;
  readonly deferred: number;
  readonly running: number;
  /** In failed/. */
  readonly failed: number;
  readonly postponed: number;
  /** Locked by another program. */
  readonly held: number;
  readonly unusable: number;
  /** They have run, and what was decided cannot be written. */
  readonly stuck: number;
}

/** A limit of which as many tasks run as may (`spooler-limit`). */
export interface ReachedLimit {
  /** `send_mail, customer=7`. */
  readonly limit: string;
  readonly processes: number;
  readonly running: number;
}

export interface SpoolSnapshot {
  readonly name: string;
  readonly dir: string;
  /** Another program runs its tasks: nothing is known of them here. */
  readonly external: boolean;
  readonly counts: StateCounts | null;
  /** The directory may have more tasks than the table has room for. */
  readonly hasMore: boolean;
  /** Tasks at the same time. */
  readonly processes: number;
  readonly paused: boolean;
  /** What most of the ready tasks wait for that have a limit (`spooler-limit`). */
  readonly waiting?: readonly (ReachedLimit & { readonly waiting: number })[];
  /** How long the ready task has waited that is due for the longest; null without one. */
  readonly oldestReadyMs: number | null;
  /** Tasks that came in, by whatever way, in the last minute. */
  readonly lastMinuteIn: number;
  /** Tasks that were done or given up in the last minute. */
  readonly lastMinuteOut: number;
  /** Free bytes of its file system; null where that is not known. */
  readonly freeBytes: number | null;
}

export interface RunningTaskSnapshot {
  readonly spool: string;
  /** With its priority: `5/NAME`. */
  readonly id: string;
  /** "" while only its worker has read it. */
  readonly function: string;
  /** Null where no process of its own runs it. */
  readonly pid: number | null;
  readonly startedAt: number;
  readonly attempt: number;
  /** What it has said itself; absent when it has said nothing. */
  readonly progress?: TaskProgress;
}

/** How far a task is, by its own word. */
export interface TaskProgress {
  readonly done: number;
  /** Null when it does not know. */
  readonly total: number | null;
  /** What it does; "" when it does not say. */
  readonly text: string;
}

/** What workers of one number in a pool have done, over all processes that had it. */
export interface WorkerTotals {
  answered: number;
  /** Answers that a task has failed. */
  exceptions: number;
  /** All tasks together. */
  runMs: number;
  /** As uWSGI's `avg_rt`: half of what it was, and half of the last run. */
  averageMs: number;
  /** Processes that were started. */
  spawns: number;
  /** Tasks that ran into their time limit. */
  harakiris: number;
  lastSpawnAt: number;
}

export interface WorkerSnapshot {
  readonly spool: string;
  readonly language: string;
  readonly modules: string;
  readonly number: number;
  /** Null while it is started. */
  readonly pid: number | null;
  readonly state: "loading" | "idle" | "busy" | "stopping";
  /** The id of the task that it runs, as far as is known. */
  readonly task: string | null;
  /** Of that task. */
  readonly progress?: TaskProgress;
  readonly busyMs: number;
  readonly totals: Readonly<WorkerTotals>;
}

export interface JobRunSnapshot {
  readonly slotAt: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly result: string | null;
  readonly ok: boolean | null;
  readonly pid: number | null;
}

export interface JobSnapshot {
  readonly name: string;
  /** As the ini has it, or task code. */
  readonly when: string;
  /** Minute, hour, day, month and week day as in uWSGI's ini; null for what is no cron job. */
  readonly cron: readonly number[] | null;
  readonly command: string;
  /** It starts only when none like it runs. */
  readonly isUnique: boolean;
  /** The last time at which it was due, whatever came of that. */
  readonly lastSlotAt: number | null;
  readonly nextAt: number | null;
  readonly running: number;
  /** Runs that are due, of task code for which no worker is free yet. */
  readonly waiting: number;
  readonly lastRun: JobRunSnapshot | null;
  readonly lastSuccessAt: number | null;
}

export interface SocketSnapshot {
  readonly address: string;
  readonly tls: boolean;
}

export interface TargetSnapshot {
  readonly spool: string;
  readonly target: string;
  /** False from its first failure to the next task that it accepts. */
  readonly up: boolean;
  /** Since when it is down; null while it is not. */
  readonly downSinceAt: number | null;
  /** Failures of the present streak. */
  readonly failures: number;
  readonly reason: string | null;
  /** Tasks on their way to it. */
  readonly underWay: number;
}

export interface WarningSnapshot {
  readonly at: number;
  readonly level: Level;
  readonly text: string;
}
