/**
 * The typed configuration: what the ini says, with nothing left to interpret.
 *
 * @pure
 */

import type { ClusterConfig, StreamWorkConfig } from "../cluster/settings.ts";
import type { DaemonConfig } from "../daemon/settings.ts";
import type { TaskCommand } from "../exec/settings.ts";
import type { ForwardConfig } from "../forward/settings.ts";
import type { NatsAccess } from "../nats/settings.ts";
import type { MonitorConfig } from "../monitor/settings.ts";
import type { HistoryConfig } from "../history/settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import type { TaskLimit } from "../queue/task_limits.ts";
import type { DebugPart } from "../report/debug.ts";
import type { LogConfig } from "../report/settings.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import type { ListenerConfig, ReceptionConfig } from "../server/settings.ts";
import type { CodeConfig, PythonConfig } from "../worker/settings.ts";

import type { Zone } from "../platform/zone.ts";

/** A setting where it was written, for people: secrets are hidden. */
export interface ConfigLine {
  readonly key: string;
  /** Expanded; "" for a bare key. */
  readonly value: string;
  readonly file: string;
  /** 0 where the source has no lines, as the command line. */
  readonly line: number;
  /** A name for other lines to use, never an option. */
  readonly isPlaceholder: boolean;
}

export interface Config {
  readonly log: LogConfig;
  /** What logs its decisions. */
  readonly debug: readonly DebugPart[];
  /** The ini file, for messages. */
  readonly file: string;
  /** Where relative paths start and commands run: the ini's directory. */
  readonly baseDir: string;
  /** What commands find in their environment beside the program's own; null is taken out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** The shell of all commands. Absolute. */
  readonly binsh: string;
  /** `chdir`: where the commands of jobs run, and tasks unless their spool says otherwise. */
  readonly workingDir: string;
  readonly spools: readonly SpoolConfig[];
  /** Of what ran in the spools, and of what the schedules ran. */
  readonly history: HistoryConfig;
  readonly forwards: readonly ForwardConfig[];
  readonly nats: NatsAccess;
  /** Streams whose tasks run here. */
  readonly streams: readonly StreamWorkConfig[];
  /** Where jobs with `once=cluster` are claimed; null where there is no stream. */
  readonly cluster: ClusterConfig | null;
  readonly tasks: readonly TaskCommand[];
  /** Which of their tasks may not all run at the same time. */
  readonly taskLimits: readonly TaskLimit[];
  readonly code: CodeConfig;
  readonly python: PythonConfig;
  readonly listeners: readonly ListenerConfig[];
  readonly reception: ReceptionConfig;
  readonly monitor: MonitorConfig;
  readonly daemon: DaemonConfig;
  readonly schedules: readonly ScheduleConfig[];
  /** The local time of the program: TZ of the ini, else of the environment, else the machine's. */
  readonly zone: Zone;
  /** The spool whose workers run what task code registers. Absolute; null is the first. */
  readonly signalSpool: string | null;
  /** `cron-tz`: the zone of cron jobs that name none. */
  readonly cronZone: Zone;
  /** `cron-harakiri`: the limit of cron jobs that have none of their own; null is without end. */
  readonly cronHarakiriMs: number | null;
  /** `cron-on-failure`: a command for when a job that has none of its own has failed. */
  readonly cronOnFailure: string | null;
  /** Where the last run of each job is remembered. Absolute. */
  readonly cronState: string;
  /** What it was made of, in order. */
  readonly lines: readonly ConfigLine[];
}
