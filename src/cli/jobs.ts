/** `spooler jobs`: how each job went, whether it runs, and when it comes next. */

import type { Config } from "../config/config.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import { systemClock } from "../platform/clock.ts";
import { actionText } from "../schedule/action.ts";
import type { LastRun } from "../schedule/record.ts";
import { comingTimes } from "../schedule/upcoming.ts";
import { isoText, wallText } from "../schedule/wall_text.ts";
import type { Zone } from "../platform/zone.ts";
import { noWords, readArgs } from "./args.ts";
import { CliOutput, note } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import type { JobEntry } from "../history/entry.ts";
import { jobRunJson } from "../history/run_text.ts";
import { lastRunsOf, lastRunsText, showJobHistory } from "./job_history.ts";
import { resultColour } from "./look.ts";
import { placesOf, snapshotsOf } from "./programs.ts";
import { configOf, jobHistoryOf, jobsOf, noSchedules, recordsOf, zoneOfJob } from "./schedules.ts";
import { Table } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

/** What can be said of a job. Times are milliseconds since the epoch. */
interface JobState {
  readonly job: ScheduleConfig;
  readonly zone: Zone;
  readonly run: LastRun | null;
  readonly running: boolean;
  readonly nextAt: number | null;
  /** The last few that have ended, the last one first. */
  readonly runs: readonly JobEntry[];
}

export async function jobs(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("jobs", args, ["ini", "job"], ["history", "json"]);
  noWords("jobs", words);
  const config = await configOf(options.ini, "jobs");
  const output = new CliOutput();
  const files = jobHistoryOf(config);
  if (flags.has("history")) {
    await showJobHistory(files, options.job, flags.has("json"), output);
    await output.flush();
    return 0;
  }
  const records = await recordsOf(config);
  const runs = lastRunsOf(files);
  const wanted = jobsOf(config, options.job);
  const present = await presentRuns(config);
  const states = wanted.map((job) => {
    const { run = null, slotAt = null } = records.get(job.id) ?? {};
    const last = later(run, present.get(job.name) ?? null);
    return stateOf(job, slotAt, last, runs.get(job.name) ?? []);
  });
  try {
    if (flags.has("json")) { for (const state of states) await output.json(jsonOf(state)); }
    else {
      const table = new Table(COLUMNS, lookOfOutput());
      for (const line of table.lines(states.map(cellsOf))) await output.line(line);
    }
  } finally {
    await output.flush();
  }
  if (states.length === 0) note(noSchedules(config));
  return 0;
}

/** What the running program knows of the last run of each job: their file has it a second later. */
async function presentRuns(config: Config): Promise<ReadonlyMap<string, LastRun>> {
  try {
    const programs = await snapshotsOf(
      placesOf("jobs", config),
    );
    const jobs = programs.flatMap((each) => each.jobs);
    return new Map(jobs.flatMap(({ name, lastRun }) => lastRun ? [[name, lastRun]] : []));
  } catch (error) {
    // More people may read the file than may ask the program.
    if (error instanceof Deno.errors.PermissionDenied) return new Map();
    throw error;
  }
}

/** Another program may run the jobs than the one that answers. */
function later(file: LastRun | null, program: LastRun | null): LastRun | null {
  return file !== null && file.startedAt > (program?.startedAt ?? -Infinity) ? file : program;
}

/** Whether a job's last run goes on. */
export function isRunning(run: LastRun | null): boolean {
  return run !== null && run.endedAt === null && run.pid !== null && isAlive(run.pid);
}

function stateOf(
  job: ScheduleConfig,
  last: number | null,
  run: LastRun | null,
  runs: readonly JobEntry[],
): JobState {
  const [nextAt = null] = comingTimes(
    job,
    { host: Deno.hostname(), now: systemClock.now(), last },
    1,
  );
  return { job, zone: zoneOfJob(job), run, running: isRunning(run), nextAt, runs };
}

/**
 * Whether the shell of a run still runs: its number may be another process's by now, which most likely
 * leads no session. Where /proc cannot be read, a run without an end counts as running.
 */
function isAlive(pid: number): boolean {
  if (Deno.build.os !== "linux") return true;
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // proc(5): the state, the parent, the process group and the session stand behind the name.
    const [state = "", , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return !"ZX".includes(state) && Number(session) === pid;
  } catch {
    return false;
  }
}

const COLUMNS = [
  "JOB",
  "SCHEDULE",
  "ZONE",
  "LAST SLOT",
  { heading: "RESULT", colour: resultColour },
  "TOOK",
  "LAST RUNS",
  "NEXT",
  "COMMAND",
];

function cellsOf({ job, zone, run, running, nextAt, runs }: JobState): string[] {
  return [
    safeText(job.name),
    safeText(job.whenText),
    zone.name,
    run === null ? "-" : wallText(run.slotAt, zone),
    safeText(resultText(run, running)),
    run === null || run.endedAt === null ? "-" : `${(run.endedAt - run.startedAt) / 1000} s`,
    lastRunsText(runs) || "-",
    nextAt === null ? (job.when.kind === "reboot" ? "@reboot" : "never") : wallText(nextAt, zone),
    safeText(actionText(job.action)),
  ];
}

function resultText(run: LastRun | null, running: boolean): string {
  if (run === null) return "not run yet";
  if (running) return `running, pid ${run.pid}`;
  if (run.endedAt === null) return "end unknown";
  return run.ok === true ? "ok" : run.result ?? "failed";
}

function jsonOf({ job, zone, run, running, nextAt, runs }: JobState) {
  return {
    job: job.name,
    when: job.whenText,
    does: actionText(job.action),
    zone: zone.name,
    running,
    pid: running ? run?.pid ?? null : null,
    lastSlot: run && isoText(run.slotAt, zone),
    startedAt: run && isoText(run.startedAt, zone),
    endedAt: run?.endedAt == null ? null : isoText(run.endedAt, zone),
    ok: run?.ok ?? null,
    result: run?.result ?? null,
    tookMs: run?.endedAt == null ? null : run.endedAt - run.startedAt,
    next: nextAt === null ? null : isoText(nextAt, zone),
    runs: runs.map(jobRunJson),
  };
}
