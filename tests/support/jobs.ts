/** Jobs for tests, made of lines of an ini. */

import type { ScheduleConfig } from "../../src/schedule/settings.ts";
import { interpret } from "../../src/config/interpret.ts";
import { entriesOf } from "./entries.ts";

/** @param lines of the section [uwsgi]; there is a spool */
export function jobsOf(...lines: string[]): readonly ScheduleConfig[] {
  const entries = entriesOf(["spooler = /spool", ...lines]);
  return interpret(entries, "/srv/site.ini").config.schedules;
}

export function jobOf(line: string, ...others: string[]): ScheduleConfig {
  const [job] = jobsOf(line, ...others);
  if (job === undefined) throw new Error(`no job in: ${line}`);
  return job;
}
