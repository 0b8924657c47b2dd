/**
 * From entries to the typed configuration. Behind this file nothing reads a string option again.
 *
 * @pure
 */

import { dirname, resolve } from "@std/path";
import { checkAll, type CheckHost, NOWHERE } from "./checks.ts";
import { codeOf } from "./code.ts";
import type { Config } from "./config.ts";
import { daemonOf } from "./daemon.ts";
import { directoriesOf, type UsedDirectory } from "./directories.ts";
import { parseDebug } from "./debug.ts";
import type { Entry } from "./entry.ts";
import { environmentOf } from "./environment.ts";
import { loggingOf } from "./logging.ts";
import { forwardsOf } from "./forwards.ts";
import { Given } from "./given.ts";
import { handlersOf } from "./handlers.ts";
import { monitorOf } from "./monitor.ts";
import { natsOf } from "./nats.ts";
import { historyOf } from "./history.ts";
import { listenersOf } from "./listeners.ts";
import { ConfigError, type Problem } from "../platform/problem.ts";
import { pythonOf } from "./python.ts";
import { recognise } from "./recognise.ts";
import { receptionOf } from "./reception.ts";
import {
  clusterOf,
  cronHarakiriOf,
  cronOnFailureOf,
  cronStateOf,
  cronZoneOf,
  localZoneOf,
  schedulesOf,
  signalSpoolOf,
} from "./schedules.ts";
import { streamsOf } from "./streams.ts";
import { binshOf } from "./binsh.ts";
import { taskLimitsOf } from "./task_limits.ts";
import { spoolSettings, spoolsOf, workingDir } from "./spools.ts";

export interface Interpreted {
  readonly config: Config;
  /** What the program and its tasks use of the file system. */
  readonly directories: readonly UsedDirectory[];
  /** What works, but probably not as meant. */
  readonly warnings: readonly Problem[];
}

export interface Context extends CheckHost {
  /** The ini the entries came from. */
  readonly file: string;
  /** Absolute: where relative paths start. */
  readonly baseDir: string;
  /** The keys that placeholders have asked for. */
  readonly used: ReadonlySet<string>;
}

/** What the entries mean, and everything that is wrong with them. */
export function examine(
  entries: readonly Entry[],
  context: Context,
): Interpreted & { readonly problems: readonly Problem[] } {
  const { file, baseDir, used } = context;
  const given = new Given(entries, baseDir);
  const { problems, warnings } = recognise(entries, used, file);
  const settings = spoolSettings(given);
  const reception = receptionOf(given);
  const spools = spoolsOf(given, settings);
  const nats = natsOf(given);
  const forwards = forwardsOf(given, settings, reception.secrets, nats);
  const env = environmentOf(given);
  const zone = localZoneOf(given, env, context);
  const cronZone = cronZoneOf(given, zone);
  const daemon = daemonOf(given);
  const tasks = handlersOf(given);
  const streams = streamsOf(given, { settings, access: nats, file, kindOf: context.kindOf });
  const cluster = clusterOf(streams, forwards);
  const config: Config = {
    file,
    baseDir,
    debug: given.last("spooler-debug", parseDebug, []),
    log: loggingOf(given, daemon.daemonize),
    env,
    binsh: binshOf(given, context),
    workingDir: workingDir(given),
    spools,
    history: historyOf(given),
    forwards,
    nats,
    streams,
    cluster,
    tasks,
    taskLimits: taskLimitsOf(given, tasks),
    code: codeOf(given, context),
    python: pythonOf(given),
    listeners: listenersOf(given, context),
    reception,
    monitor: monitorOf(given, context),
    daemon,
    schedules: schedulesOf(given, { spools, forwards, zone: cronZone, cluster }),
    signalSpool: signalSpoolOf(given, spools),
    zone,
    cronZone,
    cronHarakiriMs: cronHarakiriOf(given),
    cronOnFailure: cronOnFailureOf(given),
    cronState: cronStateOf(given, file, spools),
    lines: [],
  };
  checkAll(given, config, context);
  return {
    config,
    directories: directoriesOf(given),
    problems: [...problems, ...given.problems],
    warnings: [...warnings, ...given.warnings],
  };
}

/**
 * @param entries every option in order, expanded
 * @param file the ini they came from
 * @throws {ConfigError} with every problem there is
 */
export function interpret(entries: readonly Entry[], file: string): Interpreted {
  const baseDir = dirname(resolve(file));
  const examined = examine(entries, { ...NOWHERE, file, baseDir, used: new Set() });
  if (examined.problems.length > 0) throw new ConfigError(examined.problems);
  return examined;
}
