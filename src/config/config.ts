/**
 * The typed configuration: what the ini says, with nothing left to interpret.
 */

import type { RetryPolicy } from "../task/backoff.ts";
import type { CronSpec } from "../schedule/cron.ts";
import type { Address } from "../uwsgi/address.ts";
import type { ClientTls } from "../uwsgi/dial.ts";
import type { Network } from "../uwsgi/network.ts";
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
  /** Where its commands run. */
  readonly cwd: string;
  /** An older task is given up instead of being run; null is never. */
  readonly maxAgeMs: number | null;
  /** A task that has been in failed/ for longer is removed; null keeps it. */
  readonly failedMaxAgeMs: number | null;
  /** A shell command for each task that is given up. */
  readonly onFailure: string | null;
  readonly rate: Rate | null;
  readonly limits: SpoolLimits;
  /** Others work through it: tasks for it are accepted, none is run. */
  readonly external: boolean;
}

/** No more than `count` starts in any span of `perMs`. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** When a spool refuses new tasks. */
export interface SpoolLimits {
  /** Tasks in the directory; null is any number. */
  readonly maxFiles: number | null;
  /** Room that must be left on its file system. */
  readonly minFreeBytes: number | null;
}

/** `spooler-task`: a shell command that runs a task. */
export interface TaskCommand {
  /** The function it is for; null takes what no other handler wants. */
  readonly name: string | null;
  readonly command: string;
  readonly place: Place;
  /** What its stdin gets: the raw body, or the whole task as one line of JSON. */
  readonly stdin: "body" | "json";
  /** Of this task at the same time, in each spool; null is as many as the spool runs. */
  readonly processes: number | null;
  /** In place of the spool's; absent is the spool's. */
  readonly harakiriMs?: number | null;
  /** In place of the spool's. */
  readonly maxRetries?: number;
}

/** A file or a Python module whose functions run tasks. */
export interface TaskModule {
  readonly language: "javascript" | "python";
  /** By its path, or by its name as Python knows it. */
  readonly kind: "file" | "module";
  /** An absolute path for `file`. */
  readonly name: string;
  readonly place: Place;
}

/** Task modules, and how their workers live. */
export interface CodeConfig {
  /** In the order of the ini. */
  readonly modules: readonly TaskModule[];
  /** Tasks after which a worker makes room for a fresh one; null is never. */
  readonly maxTasks: number | null;
  /** No workers while there is nothing to do. */
  readonly cheap: boolean;
  /** Files whose change means fresh workers. Absolute. */
  readonly touchReload: readonly string[];
  /** Every option as given, for `uwsgi.opt`; true for one without a value. */
  readonly options: readonly (readonly [name: string, value: string | true])[];
}

/** The Python of task code. */
export interface PythonConfig {
  /** A path, or a name to be found in PATH. */
  readonly command: string;
  /** Directories for modules, in the order of the ini; absolute, perhaps with wildcards. */
  readonly paths: readonly string[];
}

/** A socket on which tasks come in. */
export interface ListenerConfig {
  readonly address: Address;
  /** Null is without TLS. */
  readonly tls: TlsFiles | null;
  readonly place: Place;
}

/** A peer to which tasks are forwarded. */
export interface ForwardTarget {
  /** As the ini has it, for people. */
  readonly text: string;
  /** Values of a task's `spooler` that mean it. */
  readonly names: readonly string[];
  readonly address: Address;
  readonly tls: boolean;
}

/** A spool whose tasks are delivered to a peer. */
export interface ForwardConfig {
  readonly spool: SpoolConfig;
  /** One or more, in order. */
  readonly targets: readonly ForwardTarget[];
  /** Failover: the first that takes tasks gets all; balance: all get their share. */
  readonly policy: "failover" | "balance";
  /** To each target at the same time, at most. */
  readonly connections: number;
  /** Signs every delivery; null is no signature. */
  readonly secret: string | null;
  /** For the targets with TLS. */
  readonly tls: ClientTls;
  /** A target that makes no progress for so long counts as dead. */
  readonly timeoutMs: number;
  readonly place: Place;
}

/** PEM files. Absolute. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who must have signed a client's certificate; null asks clients for none. */
  readonly ca: string | null;
}

/** What holds for every socket. */
export interface ReceptionConfig {
  /** Who may connect by IP; null when the ini does not say. */
  readonly allow: readonly Network[] | "any" | null;
  /** A task must be signed with one of them; none at all asks for no signature. */
  readonly secrets: readonly string[];
  /** Whether pickled arguments are taken from anybody who may talk. */
  readonly pickles: "checked" | "trusted";
  /** Permissions of unix socket files. */
  readonly socketMode: number;
  /** Who owns unix socket files: names or numbers; null is the program's own. */
  readonly socketOwner: { readonly user: string; readonly group: string | null } | null;
  /** Connections that the system keeps waiting. */
  readonly backlog: number;
  readonly timeoutMs: number;
  /** Bytes of a packet, its header not counted. */
  readonly maxVarsSize: number;
  readonly maxBodySize: number;
  /** Of all sockets together. */
  readonly maxConnections: number;
  /** How long the id of an accepted task is remembered. */
  readonly dedupWindowMs: number;
}

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
    /** IANA name. */
    readonly zone: string;
  }
  /** Once when the machine has started. */
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
  | { readonly kind: "signal"; readonly signal: number; readonly owner: string | null };

/** What becomes of a job that is due while its last run goes on. */
export type Overlap = "skip" | "allow" | "queue" | "replace";

/** Something that runs by the clock. */
export interface ScheduleConfig {
  /** Names the job in the log and in commands; unique. */
  readonly name: string;
  /** Names the job in the state file: its name as given, or a hash of its line. */
  readonly id: string;
  readonly when: When;
  /** `when` as the ini has it, for people. */
  readonly whenText: string;
  readonly action: Action;
  readonly overlap: Overlap;
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
  /** A command for when the last run has failed. */
  readonly onFailure: string | null;
  readonly place: Place;
}

export interface Config {
  /** What the log is written as. */
  readonly log: "text" | "json";
  /** Nothing is logged about a task that goes well. */
  readonly quiet: boolean;
  /** The ini file, for messages. */
  readonly file: string;
  /** Where relative paths start and commands run: the ini's directory. */
  readonly baseDir: string;
  /** What commands find in their environment beside the program's own; null is taken out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly spools: readonly SpoolConfig[];
  readonly forwards: readonly ForwardConfig[];
  readonly tasks: readonly TaskCommand[];
  readonly code: CodeConfig;
  readonly python: PythonConfig;
  readonly listeners: readonly ListenerConfig[];
  readonly reception: ReceptionConfig;
  readonly schedules: readonly ScheduleConfig[];
  /** `cron-tz`: the zone of cron jobs that name none. IANA name. */
  readonly cronZone: string;
  /** Where the last run of each job is remembered. Absolute. */
  readonly cronState: string;
}
