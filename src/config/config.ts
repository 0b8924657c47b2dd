/**
 * The typed configuration: what the ini says, with nothing left to interpret.
 */

import type { CronSpec } from "../schedule/cron.ts";
import type { Address } from "../uwsgi/address.ts";
import type { ClientTls } from "../uwsgi/dial.ts";
import type { Network } from "../uwsgi/network.ts";
import type { TaskCommand } from "../exec/settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import type { CodeConfig, PythonConfig } from "../worker/settings.ts";
import type { Place } from "./problem.ts";

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
