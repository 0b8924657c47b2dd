/** What `spooler status` shows of a running program, as lines: the same tables in the same order. @pure */

import { ailment } from "../monitor/health.ts";
import { counted } from "../platform/count_text.ts";
import { roughText } from "../platform/duration_text.ts";
import { timeText } from "../platform/local_time.ts";
import { progressText } from "../report/progress_text.ts";
import { safeText } from "../report/safe_text.ts";
import type {
  JobSnapshot,
  ProgramSnapshot,
  SpoolSnapshot,
  TargetSnapshot,
  WorkerSnapshot,
} from "../report/snapshot.ts";
import { shortId } from "../report/task_name.ts";
import { refOf } from "../spool/layout.ts";
import { alarmColour, type Look, painted, PLAIN, resultColour } from "./look.ts";
import { Table, type TableColumn } from "./table.ts";

/** Rows of a table that may grow without end. */
const MOST_ROWS = 20;
const MOST_WARNINGS = 5;

export function* statusLines(snapshot: ProgramSnapshot, look: Look = PLAIN): Generator<string> {
  const { version, pid, at, startedAt, file, spools, workers, targets, jobs } = snapshot;
  const up = `up ${roughText(at - startedAt)}`;
  yield `spooler ${version}, pid ${pid}, ${up}${file === "" ? "" : `, ${safeText(file)}`}`;
  const wrong = ailment(snapshot);
  const health = wrong ?? "ok";
  yield `health: ${look.hasColours ? painted(health, wrong === null ? "green" : "red") : health}`;
  const section = (columns: readonly (string | TableColumn)[], rows: readonly string[][]) =>
    sectionLines(new Table(columns, look), rows);
  yield* section(SPOOLS, spools.map(spoolCells));
  yield* section(LIMITS, limitRows(snapshot));
  yield* section(RUNNING, runningRows(snapshot));
  yield* section(WORKERS, workerRows(workers));
  yield* section(TARGETS, targets.map((target) => targetCells(target, at)));
  yield* section(JOBS, jobRows(jobs, at));
  yield* socketLines(snapshot);
  yield* warningLines(snapshot);
}

function* sectionLines(table: Table, rows: readonly (readonly string[])[]): Generator<string> {
  if (rows.length === 0) return;
  yield "";
  yield* table.lines(rows.slice(0, MOST_ROWS));
  if (rows.length > MOST_ROWS) yield `… and ${rows.length - MOST_ROWS} more`;
}

const SPOOLS = [
  ...["SPOOL", "READY", "DEFERRED", "RUNNING", { heading: "FAILED", colour: alarmColour }],
  ...["IN/MIN", "OUT/MIN", "OLDEST", { heading: "NOTES", colour: () => "yellow" as const }],
];

function spoolCells(spool: SpoolSnapshot): string[] {
  const { name, counts, hasMore, lastMinuteIn, lastMinuteOut, oldestReadyMs } = spool;
  const shown = (count: number | undefined, more = "") =>
    count === undefined ? "-" : `${count}${more}`;
  return [
    safeText(name),
    shown(counts?.ready, hasMore ? "+" : ""),
    shown(counts?.deferred),
    shown(counts?.running),
    shown(counts?.failed),
    counts === null ? "-" : String(lastMinuteIn),
    counts === null ? "-" : String(lastMinuteOut),
    oldestReadyMs === null ? "-" : roughText(oldestReadyMs),
    notesOf(spool),
  ];
}

function notesOf({ paused, external, counts }: SpoolSnapshot): string {
  const others = (["postponed", "held", "unusable", "stuck"] as const).flatMap((state) => {
    const count = counts?.[state] ?? 0;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return [...paused ? ["paused"] : [], ...external ? ["external"] : [], ...others].join(", ");
}

const LIMITS = ["LIMIT", "IN", "RUNNING", "OF", "WAITING"];

/** What ready tasks wait for. */
function limitRows({ spools }: ProgramSnapshot): string[][] {
  return spools.flatMap(({ name, waiting = [] }) =>
    waiting.map(({ limit, running, processes, waiting: tasks }) => {
      return [safeText(limit), safeText(name), String(running), String(processes), String(tasks)];
    })
  );
}

const RUNNING = [
  { heading: "RUNNING", cut: "start" as const },
  "IN",
  "FUNCTION",
  "ATTEMPT",
  "PID",
  "SINCE",
  "FOR",
  "PROGRESS",
];

function runningRows({ running, jobs, at }: ProgramSnapshot): string[][] {
  const tasks = running.map(({ spool, id, function: func, attempt, pid, startedAt, progress }) => [
    shortId(refOf(id)),
    safeText(spool),
    safeText(func) || "-",
    String(attempt),
    pid === null ? "-" : String(pid),
    ...since(startedAt, at),
    progress === undefined ? "" : progressText(progress),
  ]);
  const runs = jobs.filter((job) => job.running > 0).map(({ name, running: count, lastRun }) => [
    count > 1 ? `${safeText(name)} (${count} runs)` : safeText(name),
    "schedule",
    "-",
    "-",
    lastRun?.endedAt !== null || lastRun.pid === null ? "-" : String(lastRun.pid),
    ...since(lastRun?.endedAt === null ? lastRun.startedAt : null, at),
  ]);
  return [...tasks, ...runs];
}

function since(startedAt: number | null, at: number): [string, string] {
  return startedAt === null ? ["-", "-"] : [timeText(startedAt), roughText(at - startedAt)];
}

const WORKERS = ["WORKERS", "OF", "IDLE", "BUSY", "LOADING", "STOPPING", "ANSWERED", {
  heading: "FAILED",
  colour: alarmColour,
}];

/** The workers of a language in a spool are one row. */
function workerRows(workers: readonly WorkerSnapshot[]): string[][] {
  const pools = Map.groupBy(workers, ({ spool, language }) => `${spool} ${language}`);
  return [...pools.values()].map((pool) => {
    const [first] = pool;
    const count = (state: WorkerSnapshot["state"]) =>
      String(pool.filter((worker) => worker.state === state).length);
    const total = (of: "answered" | "exceptions") =>
      String(pool.reduce((sum, { totals }) => sum + totals[of], 0));
    return [
      safeText(first?.modules ?? ""),
      safeText(first?.spool ?? ""),
      ...[count("idle"), count("busy"), count("loading"), count("stopping")],
      ...[total("answered"), total("exceptions")],
    ];
  });
}

const upColour = (state: string) => state === "up" ? "green" : "red";
const TARGETS = ["TARGET", "OF", { heading: "STATE", colour: upColour }, "UNDER WAY", "REASON"];

function targetCells(
  { spool, target, up, downSinceAt, reason, underWay }: TargetSnapshot,
  at: number,
): string[] {
  const state = up ? "up" : `down for ${roughText(at - (downSinceAt ?? at))}`;
  return [safeText(target), safeText(spool), state, String(underWay), safeText(reason ?? "")];
}

const JOBS = ["SCHEDULE", "WHEN", "LAST RUN", { heading: "RESULT", colour: resultColour }, "NEXT"];

/** The next first. */
function jobRows(jobs: readonly JobSnapshot[], at: number): string[][] {
  const next = ({ nextAt }: JobSnapshot) => nextAt ?? Infinity;
  return jobs.toSorted((a, b) => next(a) < next(b) ? -1 : next(a) > next(b) ? 1 : 0).map((job) => {
    const { name, when, running, waiting, lastRun, nextAt } = job;
    const ended = lastRun?.endedAt === null ? "end unknown" : lastRun?.ok === true ? "ok" : null;
    const now = running > 0 ? "running" : waiting > 0 ? "waits for a free worker" : null;
    const result = now ?? ended ?? lastRun?.result ?? "-";
    return [
      safeText(name),
      safeText(when),
      lastRun === null ? "not yet" : timeText(lastRun.startedAt),
      safeText(result),
      nextAt === null ? "never" : `${timeText(nextAt)}, in ${roughText(nextAt - at)}`,
    ];
  });
}

function* socketLines({ sockets, connections }: ProgramSnapshot): Generator<string> {
  if (sockets.length === 0) return;
  const names = sockets.map(({ address, tls }) => `${safeText(address)}${tls ? " (TLS)" : ""}`);
  yield "";
  yield `sockets: ${names.join(", ")}; ${counted(connections, "connection")}`;
}

function* warningLines({ warnings }: ProgramSnapshot): Generator<string> {
  if (warnings.length === 0) return;
  yield "";
  yield "last warnings:";
  for (const { at, text } of warnings.slice(-MOST_WARNINGS)) {
    yield `  ${timeText(at)} ${safeText(text)}`;
  }
}
