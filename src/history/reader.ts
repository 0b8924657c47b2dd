/**
 * Reads a history: the runs that have ended, the newest first, and what they printed. What a crash has
 * cut, or somebody damaged, is left out. Nothing is locked and nothing changed: the program that writes it
 * does not notice.
 */

import type { HistoryFiles } from "../spool/history_files.ts";
import {
  type FateKind,
  type HistoryEntry,
  type JobEntry,
  readEntry,
  type TaskEntry,
} from "./entry.ts";
import { type OutputHeader, type OutputLine, readHeader, readOutputLine } from "./run_output.ts";

const NEWLINE = 10;
/** At the beginning of a file of what runs: enough for a header, mostly. */
const HEADER_BYTES = 4096;

/** An entry, and the segment that has its output. */
export interface Found<T extends HistoryEntry = HistoryEntry> {
  readonly entry: T;
  readonly segment: string;
}

/** Which runs are wanted; what is absent lets all pass. */
export interface RunFilter {
  readonly fates?: readonly FateKind[];
  /** The function of a task. */
  readonly func?: string;
  /** The whole name of a task. */
  readonly name?: string;
  readonly job?: string;
  /** Started at this time or later; milliseconds since the epoch. */
  readonly since?: number;
  /** Started before this time. */
  readonly before?: number;
}

/** The newest first; a segment at a time is in memory. */
export function* runsIn(files: HistoryFiles, filter: RunFilter = {}): Generator<Found> {
  for (const segment of files.segments().toReversed()) yield* runsOf(files, segment, filter);
}

export interface SegmentRuns {
  readonly runs: Iterable<Found>;
  /** No run of an older segment has ended later; milliseconds since the epoch. */
  readonly othersEndedBy: number;
}

/** Their clock ticks more coarsely than ours. */
const FILE_TIME_SLACK_MS = 1000;

/** The same, a segment at a time, for who lets others work between two of them. */
export function* runsBySegment(files: HistoryFiles, filter: RunFilter): Generator<SegmentRuns> {
  const segments = files.segments().toReversed();
  for (const [at, segment] of segments.entries()) {
    const older = segments[at + 1];
    const writtenAt = older === undefined ? undefined : files.stat(older)?.mtimeMs;
    const othersEndedBy = (writtenAt ?? -Infinity) + FILE_TIME_SLACK_MS;
    yield { runs: runsOf(files, segment, filter), othersEndedBy };
  }
}

function runsOf(files: HistoryFiles, segment: string, filter: RunFilter): Generator<Found> {
  return runsAmong(files.read(segment), segment, filter);
}

function* runsAmong(bytes: Uint8Array, segment: string, filter: RunFilter): Generator<Found> {
  const lines = new TextDecoder().decode(bytes).split("\n");
  for (const line of lines.toReversed()) {
    if (!mayPass(line, filter)) continue;
    const entry = readEntry(line);
    if (entry !== null && passes(entry, filter)) yield { entry, segment };
  }
}

/** Where a history ended at some time: what is behind it is newer. */
export interface HistoryEnd {
  readonly segment: string;
  readonly size: number;
}

export const HISTORY_START: HistoryEnd = { segment: "0", size: 0 };

export function endOfHistory(files: HistoryFiles): HistoryEnd {
  const segment = files.segments().at(-1);
  return segment === undefined ? HISTORY_START : { segment, size: files.stat(segment)?.size ?? 0 };
}

/**
 * The newest run behind an end, and the end now: from there on the next call reads. A history may be long,
 * and many may wait for a run: all of it is read only where the end is its start.
 */
export function newestBehind(
  files: HistoryFiles,
  end: HistoryEnd,
  filter: RunFilter,
): { readonly run: Found | null; readonly end: HistoryEnd } {
  const segments = files.segments().filter((each) => Number(each) >= Number(end.segment));
  let newEnd = end;
  for (const segment of segments.toReversed()) {
    const from = segment === end.segment ? end.size : 0;
    if ((files.stat(segment)?.size ?? 0) <= from) continue;
    const bytes = files.read(segment, from);
    // The rest of a line may be on its way.
    const size = from + bytes.lastIndexOf(NEWLINE) + 1;
    if (segment === segments.at(-1)) newEnd = { segment, size };
    const [run] = runsAmong(bytes, segment, filter);
    if (run !== undefined) return { run, end: newEnd };
  }
  return { run: null, end: newEnd };
}

export function* tasksIn(files: HistoryFiles, filter: RunFilter = {}): Generator<Found<TaskEntry>> {
  for (const { entry, segment } of runsIn(files, filter)) {
    if ("name" in entry) yield { entry, segment };
  }
}

export function* jobsIn(files: HistoryFiles, filter: RunFilter = {}): Generator<Found<JobEntry>> {
  for (const { entry, segment } of runsIn(files, filter)) {
    if ("job" in entry) yield { entry, segment };
  }
}

/** Of jobs, in one segment, the newest first. */
export function* jobsOf(files: HistoryFiles, segment: string): Generator<Found<JobEntry>> {
  for (const { entry } of runsOf(files, segment, {})) if ("job" in entry) yield { entry, segment };
}

/** To take a line apart costs a hundred times as much as to see that it cannot be wanted. */
function mayPass(line: string, { name, job, func }: RunFilter): boolean {
  if (line === "") return false;
  return [name, job, func].every((each) =>
    each === undefined || line.includes(JSON.stringify(each))
  );
}

function passes(
  entry: HistoryEntry,
  { fates, func, name, job, since, before }: RunFilter,
): boolean {
  if (since !== undefined && entry.startedAt < since) return false;
  if (before !== undefined && entry.startedAt >= before) return false;
  if ("job" in entry) {
    return (job === undefined || entry.job === job) && (fates ?? func ?? name) === undefined;
  }
  return job === undefined && (fates?.includes(entry.fate) ?? true) &&
    (func === undefined || entry.func === func) && (name === undefined || entry.name === name);
}

/** The attempts of one task, the first one first. */
export function attemptsOf(files: HistoryFiles, name: string): Found<TaskEntry>[] {
  return [...tasksIn(files, { name })].toReversed();
}

/** What a run printed, as far as it is kept: a gap in the numbers of lines is what is not. Null when nothing is. */
export function outputOf(files: HistoryFiles, { entry, segment }: Found): OutputLine[] | null {
  const file = entry.output?.file ?? null;
  const bytes = file === null ? null : files.readOutput(segment, file);
  return bytes &&
    new TextDecoder().decode(bytes).split("\n").flatMap((line) => readOutputLine(line) ?? []);
}

/** The output of something that runs now, or ran when its program died. */
export interface PresentOutput extends OutputHeader {
  readonly lines: readonly OutputLine[];
}

/**
 * Of a task or a job, by its whole name; null when it has printed nothing, or nothing is kept.
 *
 * @param after the number of a line: only those behind it are taken apart
 */
export function presentOutput(files: HistoryFiles, of: string, after = 0): PresentOutput | null {
  for (const [file, header] of runningHeaders(files)) {
    if (header?.of !== of) continue;
    const bytes = files.readRunning(file) ?? new Uint8Array(0);
    const [, ...lines] = new TextDecoder().decode(bytes).split("\n");
    return { ...header, lines: linesAfter(after, lines) };
  }
  return null;
}

/** Those that were read, by their files: they do not change. */
const knownHeaders = new WeakMap<HistoryFiles, ReadonlyMap<string, OutputHeader | null>>();

function runningHeaders(files: HistoryFiles): ReadonlyMap<string, OutputHeader | null> {
  const known = knownHeaders.get(files);
  const headers = new Map(
    files.running().map((file) => [file, known?.get(file) ?? headerOf(files, file)]),
  );
  knownHeaders.set(files, headers);
  return headers;
}

function headerOf(files: HistoryFiles, file: string): OutputHeader | null {
  for (const most of [HEADER_BYTES, Infinity]) {
    const bytes = files.readRunning(file, most) ?? new Uint8Array(0);
    const end = bytes.indexOf(NEWLINE);
    if (end >= 0) return readHeader(new TextDecoder().decode(bytes.subarray(0, end)));
    if (bytes.length < most) return null;
  }
  return null;
}

/** Their numbers grow. */
function linesAfter(after: number, lines: readonly string[]): OutputLine[] {
  const found: OutputLine[] = [];
  for (const text of lines.toReversed()) {
    const line = readOutputLine(text);
    if (line === null) continue;
    if (line.number <= after) break;
    found.push(line);
  }
  return found.toReversed();
}
