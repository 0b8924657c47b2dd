/** The metrics of the program, from a snapshot and what was counted; docs/monitoring.md lists them. @pure */

import type { EventCounters } from "../report/counters.ts";
import type { ProgramSnapshot, SpoolSnapshot } from "../report/snapshot.ts";
import type { Labels, MetricFamily } from "./exposition.ts";
import type { OwnProcess } from "./process_memory.ts";

type Counted = Pick<EventCounters, "accepted" | "refused" | "spools" | "jobs">;

export function metricsOf(
  snapshot: ProgramSnapshot,
  counted: Counted,
  own: OwnProcess,
): MetricFamily[] {
  return [
    ...spoolMetrics(snapshot),
    ...taskMetrics(counted),
    ...partMetrics(snapshot),
    ...jobMetrics(snapshot, counted),
    ...processMetrics(snapshot, own),
  ];
}

const gauge = (name: string, help: string, samples: MetricFamily["samples"]): MetricFamily => ({
  ...{ name, kind: "gauge", help, samples },
});
const counter = (name: string, help: string, samples: MetricFamily["samples"]): MetricFamily => ({
  ...{ name, kind: "counter", help, samples },
});

function spoolMetrics({ spools }: ProgramSnapshot): MetricFamily[] {
  const each = (valueOf: (spool: SpoolSnapshot) => number | null) =>
    spools.flatMap((spool): [Labels, number][] => {
      const value = valueOf(spool);
      return value === null ? [] : [[{ spool: spool.name }, value]];
    });
  const byState = spools.flatMap(({ name: spool, counts }) =>
    Object.entries(counts ?? {}).map((
      [state, count],
    ): [Labels, number] => [{ spool, state }, count])
  );
  return [
    gauge("spooler_tasks", "Tasks of a spool by state.", byState),
    gauge(
      "spooler_oldest_ready_task_age_seconds",
      "How long the ready task has waited that is due for the longest; 0 without one.",
      each(({ oldestReadyMs, external }) => external ? null : (oldestReadyMs ?? 0) / 1000),
    ),
    gauge(
      "spooler_spool_paused",
      "1 while a spool is paused.",
      each(({ paused }) => Number(paused)),
    ),
    gauge(
      "spooler_free_bytes",
      "Free bytes of the file system of a spool.",
      each(({ freeBytes }) => freeBytes),
    ),
  ];
}

function taskMetrics({ accepted, refused, spools }: Counted): MetricFamily[] {
  const functions = [...spools.values()].flatMap((each) => [...each.functions.values()]);
  return [
    counter("spooler_tasks_accepted", "Tasks that were accepted from peers.", [[{}, accepted]]),
    counter(
      "spooler_tasks_refused",
      "Packets and connections that were refused, by reason.",
      [...refused].map(([reason, count]) => [{ reason }, count]),
    ),
    counter(
      "spooler_tasks_settled",
      "Runs of tasks that have ended, by what became of the task.",
      functions.flatMap(({ spool, func, fates }) =>
        [...fates].map((
          [fate, count],
        ): [Labels, number] => [{ spool, function: func, fate }, count])
      ),
    ),
    counter(
      "spooler_task_failures",
      "Runs of tasks that have failed by themselves, whether retried or given up.",
      functions.map(({ spool, func, failures }) => [{ spool, function: func }, failures]),
    ),
    {
      name: "spooler_task_wait_seconds",
      kind: "histogram",
      help: "From the time a task was ready, or due, to its start.",
      samples: [...spools].map(([spool, { waits }]) => [{ spool }, waits]),
    },
    {
      name: "spooler_task_run_seconds",
      kind: "histogram",
      help: "How long runs of tasks took.",
      samples: functions.map(({ spool, func, runs }) => [{ spool, function: func }, runs]),
    },
  ];
}

const WORKER_STATES = ["loading", "idle", "busy", "stopping"] as const;

function partMetrics({ workers, targets, connections }: ProgramSnapshot): MetricFamily[] {
  const inState = (state: string) => workers.filter((each) => each.state === state).length;
  return [
    gauge(
      "spooler_workers",
      "Task workers by state.",
      WORKER_STATES.map((state) => [{ state }, inState(state)]),
    ),
    gauge(
      "spooler_target_up",
      "0 from the first failure of a forward target to the next task that it accepts, else 1.",
      targets.map(({ spool, target, up }) => [{ spool, target }, Number(up)]),
    ),
    gauge("spooler_connections", "Open connections of peers.", [[{}, connections]]),
  ];
}

function jobMetrics({ jobs }: ProgramSnapshot, { jobs: totals }: Counted): MetricFamily[] {
  const seconds = (ms: number | null, job: string): [Labels, number][] =>
    ms === null ? [] : [[{ job }, ms / 1000]];
  return [
    gauge(
      "spooler_job_last_success_timestamp_seconds",
      "When a job last ended well.",
      jobs.flatMap(({ name, lastSuccessAt }) => seconds(lastSuccessAt, name)),
    ),
    gauge(
      "spooler_job_last_slot_timestamp_seconds",
      "When a job was due last, whatever came of that.",
      jobs.flatMap(({ name, lastSlotAt }) => seconds(lastSlotAt, name)),
    ),
    gauge(
      "spooler_job_next_start_timestamp_seconds",
      "When a job is to start next.",
      jobs.flatMap(({ name, nextAt }) => seconds(nextAt, name)),
    ),
    counter(
      "spooler_job_runs",
      "Runs of jobs by result.",
      [...totals].flatMap(([job, { ok, failed, killed }]): [Labels, number][] => [
        [{ job, result: "ok" }, ok],
        [{ job, result: "failed" }, failed],
        [{ job, result: "killed" }, killed],
      ]),
    ),
  ];
}

function processMetrics({ version, startedAt }: ProgramSnapshot, own: OwnProcess): MetricFamily[] {
  const { cpuSeconds, rssBytes, vszBytes, openFiles, maxFiles } = own;
  const one = (value: number): MetricFamily["samples"] => [[{}, value]];
  return [
    gauge("spooler_build_info", "1, with the version of the program.", [[{ version }, 1]]),
    counter("process_cpu_seconds", "User and system CPU time of the program.", one(cpuSeconds)),
    gauge("process_resident_memory_bytes", "Resident memory of the program.", one(rssBytes)),
    gauge("process_virtual_memory_bytes", "Virtual memory of the program.", one(vszBytes)),
    gauge("process_start_time_seconds", "When the program started.", one(startedAt / 1000)),
    gauge("process_open_fds", "Open file descriptors of the program.", one(openFiles)),
    gauge("process_max_fds", "How many it may open.", maxFiles === null ? [] : one(maxFiles)),
  ];
}
