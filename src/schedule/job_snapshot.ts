/** A job as a status has it. @pure */

import type { JobSnapshot } from "../report/snapshot.ts";
import { actionText } from "./action.ts";
import type { CronSpec } from "./cron.ts";
import { DAY, type FieldRange, HOUR, MINUTE, MONTH, WEEKDAY } from "./field.ts";
import type { LastRun } from "./record.ts";
import type { ScheduleConfig } from "./settings.ts";
import { comingTimes, type UpcomingOptions } from "./upcoming.ts";

export function jobSnapshot(
  job: ScheduleConfig,
  lastRun: LastRun | null,
  runs: Pick<JobSnapshot, "running" | "waiting">,
  about: UpcomingOptions,
): Omit<JobSnapshot, "lastSuccessAt"> {
  const [nextAt = null] = comingTimes(job, about, 1);
  return {
    name: job.name,
    when: job.whenText,
    cron: job.when.kind === "cron" ? cronNumbers(job.when.spec) : null,
    command: actionText(job.action),
    isUnique: job.overlap !== "allow",
    lastSlotAt: about.last,
    nextAt,
    ...runs,
    lastRun,
  };
}

/** As uWSGI writes a rule: -1 is every, -n every n; of other lists the first number. */
export function cronNumbers(spec: CronSpec): number[] {
  const { minutes, hours, days, months, weekdays } = spec;
  return [
    cronNumber(minutes, MINUTE),
    cronNumber(hours, HOUR),
    cronNumber(days, DAY),
    cronNumber(months, MONTH),
    cronNumber(weekdays, { ...WEEKDAY, max: 6 }),
  ];
}

function cronNumber(values: ReadonlySet<number>, { min, max }: FieldRange): number {
  const [first = -1, second] = values;
  if (second === undefined) return first;
  const step = second - first;
  const isEvery = [...values].every((value, at) => value === first + at * step) &&
    first - step < min && first + values.size * step > max;
  return isEvery ? -step : first;
}
