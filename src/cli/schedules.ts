/** What the commands about schedules share: the jobs of an ini, and what is remembered of them. */

import type { Config } from "../config/config.ts";
import { openJobHistory } from "../history/job_history.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { openPlatform } from "../spool/platform.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import type { JobRecord } from "../schedule/record.ts";
import { readRecords } from "../schedule/state_file.ts";
import { localZone } from "../platform/local_time.ts";
import type { Zone } from "../platform/zone.ts";
import { UsageError } from "./error.ts";
import { iniArgs, loadIni } from "./ini.ts";
import { note } from "./output.ts";
import { reasonOf } from "../platform/reason.ts";

/** @throws {UsageError} when there is no --ini */
export async function configOf(ini: string | undefined, command: string): Promise<Config> {
  const args = iniArgs(ini);
  if (args === null) throw new UsageError(`${command} needs --ini FILE`);
  return (await loadIni(args)).config;
}

/**
 * @param name of one job; all when undefined
 * @throws {UsageError} when there is no such job
 */
export function jobsOf(config: Config, name: string | undefined): readonly ScheduleConfig[] {
  if (name === undefined) return config.schedules;
  const found = config.schedules.filter((job) => job.name === name);
  if (found.length > 0) return found;
  const names = config.schedules.map((job) => job.name).join(", ");
  throw new UsageError(
    `${config.file} has no job "${name}"; ${names === "" ? "it has no jobs" : `it has: ${names}`}`,
  );
}

export function noSchedules({ file, code }: Config): string {
  if (code.modules.length === 0) return `${file} has no schedules`;
  return `${file} has no schedules; those that its modules register are listed by: spooler check`;
}

/** An unreadable state is said and left out: the times are worth printing without it. */
export async function recordsOf(config: Config): Promise<ReadonlyMap<string, JobRecord>> {
  try {
    return await readRecords(config.cronState);
  } catch (error) {
    const reason = reasonOf(error);
    note(`${config.cronState} cannot be read: ${reason}`);
    return new Map();
  }
}

/** What the jobs of an ini ran. */
export function jobHistoryOf({ cronState }: Config): HistoryFiles {
  const options = { ...openPlatform(), clock: systemClock, random: systemRandom };
  return openJobHistory(cronState, options).files;
}

/** Whose clock a job goes by. */
export function zoneOfJob({ when }: ScheduleConfig): Zone {
  return when.kind === "cron" ? when.zone : localZone();
}
