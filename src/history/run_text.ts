/** Runs that have ended, for people and programs. @pure */

import { counted } from "../platform/count_text.ts";
import { measuredText } from "../platform/duration_text.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import { isoText } from "../report/task_summary.ts";
import type { HistoryEntry, JobEntry, OutputSize, TaskEntry } from "./entry.ts";

/** What came of a run, in one phrase. */
export function resultText(entry: HistoryEntry): string {
  if ("job" in entry) return entry.ok ? "ok" : safeText(entry.result);
  const { fate, dueAt, reason } = entry;
  const why = reason === null ? "" : `: ${safeText(reason)}`;
  switch (fate) {
    case "done":
      return "done";
    case "failed":
      return `given up${why}`;
    case "removed":
      return `removed${why}`;
    case "ready":
      return `stayed ready${why}`;
    case "deferred":
    case "postponed":
      return `${fate}${dueAt === null ? "" : ` until ${timeText(dueAt)}`}${why}`;
    default:
      return fate satisfies never;
  }
}

/** `3 lines`, and whether they are kept; empty when nothing was printed. */
export function outputText(output: OutputSize | null): string {
  if (output === null) return "";
  return `${counted(output.lines, "line")} of output${output.file === null ? ", not kept" : ""}`;
}

/** `took 20 ms, waited 3 ms, 2 lines of output`. */
export function effortText(entry: HistoryEntry): string {
  const waited = "waitMs" in entry && entry.waitMs !== null
    ? [`waited ${measuredText(entry.waitMs)}`]
    : [];
  return [`took ${measuredText(entry.tookMs)}`, ...waited, outputText(entry.output)]
    .filter((each) => each !== "").join(", ");
}

function commonJson({ attempt, startedAt, tookMs, output }: HistoryEntry) {
  return {
    attempt,
    startedAt: isoText(startedAt),
    tookMs,
    output: output && { lines: output.lines, bytes: output.bytes, isKept: output.file !== null },
  };
}

/** One run of a task. */
export function taskRunJson(entry: TaskEntry): object {
  const { waitMs, fate, dueAt, reason } = entry;
  const due = dueAt === null ? null : isoText(dueAt);
  return { ...commonJson(entry), waitMs, fate, dueAt: due, reason };
}

/** One run of a job. */
export function jobRunJson(entry: JobEntry): object {
  const { job, slot, ok, result } = entry;
  return { job, slot: isoText(slot), ...commonJson(entry), ok, result };
}
