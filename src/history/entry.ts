/**
 * What the history says of a run that has ended, as one line of JSON. Times are in milliseconds since the
 * epoch. docs/spool-format.md has the same in prose.
 *
 * @pure
 */

import { isJsonObject, parseJson } from "../platform/json.ts";
import type { Fate } from "../task/fate.ts";

export type FateKind = Fate["kind"];

/** What a run has printed. */
export interface OutputSize {
  readonly lines: number;
  readonly bytes: number;
  /** Where it is kept, beside the entries; null where it is not. */
  readonly file: string | null;
}

interface RunEntry {
  readonly attempt: number;
  readonly startedAt: number;
  readonly tookMs: number;
  /** Null when it has printed nothing. */
  readonly output: OutputSize | null;
}

export interface TaskEntry extends RunEntry {
  readonly name: string;
  readonly func: string;
  readonly waitMs: number | null;
  readonly fate: FateKind;
  /** When it runs again; null when it does not. */
  readonly dueAt: number | null;
  /** Why it has this fate; null for what is done. */
  readonly reason: string | null;
}

export interface JobEntry extends RunEntry {
  readonly job: string;
  readonly slot: number;
  readonly ok: boolean;
  readonly result: string;
}

export type HistoryEntry = TaskEntry | JobEntry;

export function entryLine(entry: HistoryEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** When a run started, in whole milliseconds. */
export const startOf = (endedAt: number, tookMs: number) => Math.round(endedAt - tookMs);
/** A duration to the tenth of a millisecond. */
export const tenths = (ms: number) => Math.round(ms * 10) / 10;

/** Null for a line that is none: one that a crash has cut, for example. */
export function readEntry(line: string): HistoryEntry | null {
  const value = parseJson(line);
  return isEntry(value) ? value : null;
}

function isEntry(value: unknown): value is HistoryEntry {
  if (!isJsonObject(value)) return false;
  const { attempt, startedAt, tookMs, output } = value;
  if (![attempt, startedAt, tookMs].every(isNumber)) return false;
  if (output !== null && !isOutput(output)) return false;
  if (typeof value.job === "string") {
    return isNumber(value.slot) && typeof value.ok === "boolean" &&
      typeof value.result === "string";
  }
  const texts = [value.name, value.func, value.fate];
  return texts.every((each) => typeof each === "string") &&
    [value.waitMs, value.dueAt].every((each) => each === null || isNumber(each)) &&
    (value.reason === null || typeof value.reason === "string");
}

function isOutput(value: unknown): value is OutputSize {
  return isJsonObject(value) && isNumber(value.lines) && isNumber(value.bytes) &&
    (value.file === null || typeof value.file === "string" && /^[\w-]+$/.test(value.file));
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
