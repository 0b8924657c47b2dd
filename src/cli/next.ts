/** `spooler next`: the coming times of all jobs, or of one. */

import type { ScheduleConfig } from "../schedule/settings.ts";
import { systemClock } from "../platform/clock.ts";
import { actionText } from "../schedule/action.ts";
import { comingTimes } from "../schedule/upcoming.ts";
import { isoText, wallText } from "../schedule/wall_text.ts";
import { noWords, readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import { configOf, jobsOf, noSchedules, recordsOf, zoneOfJob } from "./schedules.ts";
import { Table } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

const LINES = 10;

export async function next(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("next", args, ["ini", "n", "job"], ["json"]);
  noWords("next", words);
  const count = Number(options.n ?? LINES);
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`-n needs a whole number ≥ 1: "${options.n}"`);
  }
  const config = await configOf(options.ini, "next");
  const jobs = jobsOf(config, options.job);
  if (jobs.length === 0) note(noSchedules(config));
  const records = await recordsOf(config);
  const [host, now] = [Deno.hostname(), systemClock.now()];
  const coming = jobs.flatMap((job) => {
    const last = records.get(job.id)?.slotAt ?? null;
    return comingTimes(job, { host, now, last }, count).map((at) => ({ at, job }));
  });
  const first = coming.sort((a, b) => a.at - b.at).slice(0, count);
  const output = new CliOutput();
  try {
    if (flags.has("json")) {
      for (const { at, job } of first) await output.json(jsonOf(at, job));
      return 0;
    }
    const table = new Table(["TIME", "ZONE", "JOB", "WHAT"], lookOfOutput());
    for (const line of table.lines(first.map(({ at, job }) => cellsOf(at, job)))) {
      await output.line(line);
    }
  } finally {
    await output.flush();
  }
  for (const job of jobs.filter((job) => !coming.some((each) => each.job === job))) {
    const why = job.when.kind === "reboot" ? "runs at the next start of the machine" : "never runs";
    note(`${job.name} ${why}`);
  }
  return 0;
}

function jsonOf(at: number, job: ScheduleConfig) {
  const zone = zoneOfJob(job);
  return {
    at: isoText(at, zone),
    zone: zone.name,
    job: job.name,
    what: actionText(job.action),
  };
}

function cellsOf(at: number, job: ScheduleConfig): string[] {
  const zone = zoneOfJob(job);
  return [wallText(at, zone), zone.name, safeText(job.name), safeText(actionText(job.action))];
}
