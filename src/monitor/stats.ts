/**
 * The statistics that uWSGI's stats server writes, for programs that read those (uwsgitop); a task worker
 * is one of its workers. What is ours stands under the key `spooler`. @pure
 */

import { harmlessJson } from "../report/safe_text.ts";
import type { JobSnapshot, ProgramSnapshot, WorkerSnapshot } from "../report/snapshot.ts";
import type { ProcessMemory } from "./process_memory.ts";

export interface StatsOptions {
  /** Tasks that were settled, by the name of their spool. */
  settled(spool: string): number;
  memory(pid: number | null): ProcessMemory;
  readonly minified: boolean;
}

export function statsText(snapshot: ProgramSnapshot, options: StatsOptions): string {
  const stats = statsOf(snapshot, options);
  const text = harmlessJson(JSON.stringify(stats, null, options.minified ? 0 : "\t"));
  return options.minified ? text : `${text}\n`;
}

function statsOf(snapshot: ProgramSnapshot, { settled, memory }: StatsOptions) {
  const { version, pid, uid, gid, cwd, sockets, workers, spools, jobs } = snapshot;
  return {
    version,
    // What waits in front of a socket is the kernel's.
    ...{ listen_queue: 0, listen_queue_errors: 0, signal_queue: 0 },
    load: workers.filter(({ state }) => state === "busy").length,
    ...{ pid, uid, gid, cwd },
    locks: [],
    sockets: sockets.map(({ address: name, tls }) => ({
      ...{ name, proto: tls ? "suwsgi" : "uwsgi" },
      ...{ queue: 0, max_queue: 0, shared: 0, can_offload: 0 },
    })),
    workers: workers.toSorted(byNumber).map((worker, at) =>
      workerOf(worker, at + 1, memory(worker.pid))
    ),
    spoolers: spools.filter(({ external }) => !external).map(({ name, dir, counts }) => ({
      ...{ dir, pid, tasks: settled(name), respawns: respawnsIn(name, workers) },
      running: counts?.running ?? 0,
    })),
    crons: jobs.flatMap((job) => job.cron === null ? [] : [cronOf(job, job.cron)]),
    spooler: snapshot,
  };
}

const placeOf = ({ spool, language, modules }: WorkerSnapshot) =>
  JSON.stringify([spool, language, modules]);

/** A worker keeps its id when its process is replaced. */
function byNumber(one: WorkerSnapshot, other: WorkerSnapshot): number {
  const [a, b] = [placeOf(one), placeOf(other)];
  return a === b ? one.number - other.number : a < b ? -1 : 1;
}

/** Processes that came after the first ones; one that still ends shares the totals of the next. */
function respawnsIn(name: string, workers: readonly WorkerSnapshot[]): number {
  const own = workers.filter(({ spool }) => spool === name);
  const spawns = new Map(
    own.map((each) => [`${placeOf(each)} ${each.number}`, each.totals.spawns]),
  );
  return [...spawns.values()].reduce((sum, each) => sum + each - 1, 0);
}

function workerOf(worker: WorkerSnapshot, id: number, { rssBytes, vszBytes }: ProcessMemory) {
  const { pid, state, totals } = worker;
  const { answered: requests, exceptions, runMs, averageMs } = totals;
  const isBusy = state !== "idle";
  return {
    id,
    pid: pid ?? 0,
    accepting: state === "idle" || state === "busy" ? 1 : 0,
    ...{ requests, delta_requests: requests, exceptions, harakiri_count: totals.harakiris },
    ...{ signals: 0, signal_queue: 0, status: isBusy ? "busy" : "idle" },
    ...{ rss: rssBytes, vsz: vszBytes },
    running_time: Math.round(1000 * runMs),
    last_spawn: Math.floor(totals.lastSpawnAt / 1000),
    respawn_count: totals.spawns,
    tx: 0,
    avg_rt: Math.round(1000 * averageMs),
    apps: [],
    cores: [{
      ...{ id: 0, requests, static_requests: 0, routed_requests: 0, offloaded_requests: 0 },
      ...{ write_errors: 0, read_errors: 0, in_request: state === "busy" ? 1 : 0 },
      ...{ vars: [], req_info: {} },
    }],
  };
}

function cronOf({ command, isUnique, running, lastRun }: JobSnapshot, cron: readonly number[]) {
  const [minute, hour, day, month, week] = cron;
  return {
    ...{ minute, hour, day, month, week, command, unique: isUnique ? 1 : 0, legion: "" },
    pid: running > 0 ? lastRun?.pid ?? -1 : -1,
    started_at: running > 0 && lastRun ? Math.floor(lastRun.startedAt / 1000) : 0,
  };
}
