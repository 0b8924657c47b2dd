/** A task in one row of a table and in one line of JSON. @pure */

import { roughText } from "../platform/duration_text.ts";
import type { Inspected, ListedStateKind } from "../spool/inspected.ts";
import { compareNatural, priorityRank, shortLabel } from "../spool/layout.ts";
import type { PlainTask } from "../spool/plain_task.ts";
import { findVar } from "../wire/packet.ts";
import type { ReachedLimit } from "./snapshot.ts";
import { safeText } from "./safe_text.ts";
import { cutText, jsonBytes, safeBytes } from "./shown_bytes.ts";
import { shortId } from "./task_name.ts";

/** What a listing keeps of a task; small, whatever the task holds. Times in ms since the epoch. */
export interface TaskSummary {
  readonly name: string;
  readonly priority: string | null;
  readonly state: ListedStateKind;
  /** Its `ud_spool_func`; null when it has none, or cannot be read. */
  readonly func: Uint8Array | null;
  readonly madeAt: number;
  /** Null for a task that waits for no time. */
  readonly dueAt: number | null;
  /** Names of the tasks that it is to start after. */
  readonly waitsFor: readonly string[];
  readonly size: number;
  /** Null when the file cannot be read as a task. */
  readonly bodySize: number | null;
  /** Runs that failed. */
  readonly attempts: number;
  readonly lastError: string | null;
  /** The last line that the failed run wrote to stderr, or its beginning. */
  readonly lastLine: string | null;
  readonly lastFailureAt: number | null;
}

/** Longer values are cut in the table. */
const FUNCTION_WIDTH = 40;
const ERROR_WIDTH = 200;

export function summaryOf(task: Inspected): TaskSummary {
  const { name, priority, state, content, attempts, recordProblem } = task;
  const record = state.kind === "failed" ? state.record : null;
  const problem = content.kind === "unreadable" ? content.reason : null;
  return {
    name,
    priority,
    state: state.kind,
    func: content.kind === "task" ? findVar(content.vars, "ud_spool_func")?.slice() ?? null : null,
    madeAt: task.madeAt,
    dueAt: (state.kind === "ready" || state.kind === "deferred") && task.waitsFor.length === 0
      ? state.dueAt
      : null,
    waitsFor: task.waitsFor,
    size: task.size,
    bodySize: content.kind === "task" ? content.bodySize : null,
    attempts: attempts?.failures ?? 0,
    lastError: record?.reason ?? recordProblem ?? problem ?? attempts?.reason ?? null,
    lastLine: attempts ? lastLineOf(attempts.stderr) : null,
    lastFailureAt: record?.failedAt ?? attempts?.lastFailureAt ?? null,
  };
}

/** The same of a task that was read for a listing alone. */
export function plainSummary(task: PlainTask): TaskSummary {
  return {
    name: task.name,
    priority: task.priority,
    state: task.state,
    func: task.func,
    madeAt: task.madeAt,
    dueAt: task.state === "running" ? null : task.dueAt,
    waitsFor: NONE,
    size: task.size,
    bodySize: task.bodySize,
    attempts: 0,
    lastError: null,
    lastLine: null,
    lastFailureAt: null,
  };
}

const NONE: readonly string[] = [];

function lastLineOf(stderr: string): string | null {
  const line = stderr.trimEnd().split("\n").at(-1);
  return line ? cutText(line, ERROR_WIDTH) : null;
}

const RANK: Readonly<Record<ListedStateKind, number>> = {
  running: 0,
  ready: 1,
  deferred: 2,
  failed: 3,
};

/** As they run: what runs, what is ready in its order, what is deferred, what has failed. */
export function compareSummaries(a: TaskSummary, b: TaskSummary): number {
  const byState = RANK[a.state] - RANK[b.state];
  if (byState !== 0) return byState;
  const byPriority = a.state === "ready" ? comparePriority(a.priority, b.priority) : 0;
  return byPriority || timeOf(a) - timeOf(b) || compareNatural(a.name, b.name);
}

/** Not by subtraction: tasks without a priority have an infinite rank. */
function comparePriority(a: string | null, b: string | null): number {
  const [left, right] = [priorityRank(a), priorityRank(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

function timeOf({ dueAt, lastFailureAt, madeAt }: TaskSummary): number {
  return dueAt ?? lastFailureAt ?? madeAt;
}

/** What `make` makes of a function, once for each that many tasks have in common. */
function memo<T>(make: (func: Uint8Array) => T): (func: Uint8Array) => T {
  const known = new WeakMap<Uint8Array, T>();
  return (func) => {
    const before = known.get(func);
    if (before !== undefined) return before;
    const made = make(func);
    known.set(func, made);
    return made;
  };
}

const funcText = memo((func) => cutText(safeBytes(func), FUNCTION_WIDTH));
const funcJson = memo((func) => jsonBytes("function", func));

export const HEADINGS = ["STATE", "AGE", "DUE", "FAILURES", "FUNCTION", "NAME", "LAST ERROR"];

/** @param label of a name */
export function waitsForText(names: readonly string[], label: (name: string) => string): string {
  const [first = "", ...more] = names;
  return `after ${label(first)}${more.length === 0 ? "" : ` and ${more.length} more`}`;
}

/** What a ready task waits for: of a limit as many run as may. */
export function limitText({ limit, running, processes }: ReachedLimit): string {
  return `${limit}: ${running} of ${processes} run`;
}

/** The cells of a row, in the order of {@link HEADINGS}. */
export function summaryCells(summary: TaskSummary, now: number): string[] {
  const { state, func, dueAt, attempts, lastError, lastLine } = summary;
  const error = lastError === null && lastLine === null
    ? ""
    : [lastError ?? [], lastLine ?? []].flat().join(": ");
  return [
    state,
    roughText(now - summary.madeAt),
    summary.waitsFor.length > 0
      ? waitsForText(summary.waitsFor, shortLabel)
      : dueAt === null
      ? "-"
      : dueAt <= now
      ? "now"
      : `in ${roughText(dueAt - now)}`,
    String(attempts),
    func === null ? "-" : funcText(func),
    shortId(summary),
    error === "" ? "" : cutText(safeText(error), ERROR_WIDTH),
  ];
}

/** The fields of a line of JSON; times in ISO 8601, UTC. */
export function summaryJson(summary: TaskSummary, spool: string, now: number): object {
  const { name, priority, state, func, dueAt, lastFailureAt } = summary;
  return {
    spool,
    name,
    priority,
    state,
    ...(func === null ? { function: null } : funcJson(func)),
    madeAt: isoText(summary.madeAt),
    ageSeconds: Math.max(0, Math.floor((now - summary.madeAt) / 1000)),
    dueAt: dueAt === null ? null : isoText(dueAt),
    waitsFor: summary.waitsFor,
    size: summary.size,
    bodySize: summary.bodySize,
    failures: summary.attempts,
    lastError: summary.lastError,
    lastLine: summary.lastLine,
    lastFailureAt: lastFailureAt === null ? null : isoText(lastFailureAt),
  };
}

const DAY_MS = 86_400_000;
/** The last instant of a Date, and the first one below 0. */
const LAST_MS = 8.64e15;
const MOST_DAYS = 1000;
/** `2026-11-27T` of days since the epoch: most tasks of a long listing are of a few. */
const days = new Map<number, string>();
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));

/** As `Date.toISOString`, at a fifth of its time; null for a time that no date can say: an mtime can be anything. */
export function isoText(at: number): string | null {
  if (!(Math.abs(at) <= LAST_MS)) return null;
  const whole = Math.trunc(at);
  const day = Math.floor(whole / DAY_MS);
  const ms = whole - day * DAY_MS;
  const hours = TWO_DIGITS[Math.floor(ms / 3_600_000)];
  const minutes = TWO_DIGITS[Math.floor(ms / 60_000) % 60];
  const seconds = TWO_DIGITS[Math.floor(ms / 1000) % 60];
  return `${dayText(day)}${hours}:${minutes}:${seconds}.${String(ms % 1000).padStart(3, "0")}Z`;
}

function dayText(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  const iso = new Date(day * DAY_MS).toISOString();
  const text = iso.slice(0, iso.indexOf("T") + 1);
  if (days.size >= MOST_DAYS) days.clear();
  days.set(day, text);
  return text;
}
