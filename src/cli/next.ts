/** `spooler next`: the coming times of all jobs, or of one. */

import { systemClock } from "../platform/clock.ts";
import { actionText } from "../schedule/action.ts";
import { comingTimes } from "../schedule/upcoming.ts";
import { isoText, wallText } from "../schedule/wall_text.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { columns, configOf, jobsOf, recordsOf, zoneOfJob } from "./schedules.ts";

const LINES = 10;

export async function next(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs(args, ["ini", "n", "job"], ["json"]);
  if (words.length > 0) throw new UsageError(`next does not know what to do with "${words[0]}"`);
  const count = Number(options.n ?? LINES);
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`-n wants a whole number ≥ 1: "${options.n}"`);
  }
  const config = await configOf(options.ini, "next");
  const jobs = jobsOf(config, options.job);
  const records = await recordsOf(config);
  const [host, now] = [Deno.hostname(), systemClock.now()];
  const coming = jobs.flatMap((job) => {
    const last = records.get(job.id)?.slotAt ?? null;
    return comingTimes(job, { host, now, last }, count).map((at) => ({ at, job }));
  });
  const first = coming.sort((a, b) => a.at - b.at).slice(0, count);
  if (flags.has("json")) {
    const list = first.map(({ at, job }) => ({
      at: isoText(at, zoneOfJob(job)),
      zone: zoneOfJob(job).name,
      job: job.name,
      does: actionText(job.action),
    }));
    console.log(JSON.stringify(list, null, 2));
    return 0;
  }
  if (first.length > 0) {
    console.log(columns(first.map(({ at, job }) => {
      const zone = zoneOfJob(job);
      return [wallText(at, zone), zone.name, job.name, actionText(job.action)];
    })));
  }
  for (const job of jobs.filter((job) => !coming.some((each) => each.job === job))) {
    const why = job.when.kind === "reboot" ? "runs when the machine has started" : "never runs";
    console.log(`${job.name} ${why}`);
  }
  return 0;
}
