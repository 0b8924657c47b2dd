/**
 * The names in a spool directory and what they mean. docs/spool-format.md tells the same in prose.
 *
 * | state    | where                                       | what makes it so          |
 * |----------|---------------------------------------------|---------------------------|
 * | writing  | `.spooler/tmp/NAME`                         | not yet renamed           |
 * | ready    | `NAME` or `<digits>/NAME`                   | mtime ≤ now               |
 * | deferred | the same place                              | mtime > now               |
 * | running  | the same place                              | locked with fcntl         |
 * | failed   | `failed/NAME`, `failed/<digits>/NAME`       | and NAME.json beside it   |
 * | done     | nowhere                                     | unlinked                  |
 *
 * @pure
 */

import { nameToShow } from "../platform/name.ts";

/** What every task file's name begins with; uWSGI looks at no other. */
export const TASK_PREFIX = "uwsgi_spoolfile_on_";

export const TMP_DIR = ".spooler/tmp";
export const ATTEMPTS_DIR = ".spooler/attempts";
/**
 * What runs: a file for each program, of records that name its tasks. A file with a task's own name says
 * that a program died during its run.
 */
export const RUNNING_DIR = ".spooler/running";
export const PAUSED_FILE = ".spooler/paused";
/** The ids of tasks that peers have sent, and the file's predecessor; see accepted_ids.ts. */
export const ACCEPTED_FILE = ".spooler/accepted";
export const ACCEPTED_OLD_FILE = ".spooler/accepted.old";
/** A name that the spool alone has, for the ids of tasks that it forwards. */
export const IDENTITY_FILE = ".spooler/identity";
export const FAILED_DIR = "failed";

/** A task's file, from the spool directory on. */
export interface TaskRef {
  readonly name: string;
  /** The all-digit sub-directory it lies in; null for the spool directory itself. */
  readonly priority: string | null;
}

/** Unique in its spool, and the task's path there: `NAME` or `<digits>/NAME`. */
export function taskId(ref: TaskRef): string {
  return ref.priority === null ? ref.name : `${ref.priority}/${ref.name}`;
}

/** The other way round. */
export function refOf(id: string): TaskRef {
  const slash = id.indexOf("/");
  return slash < 0
    ? { name: id, priority: null }
    : { name: id.slice(slash + 1), priority: id.slice(0, slash) };
}

/** What people read: the name without the part all names share, bytes that are no text as `\\xff`. */
export function taskLabel(name: string): string {
  return nameToShow(name.startsWith(TASK_PREFIX) ? name.slice(TASK_PREFIX.length) : name);
}

export function isTaskName(name: string): boolean {
  return name.startsWith(TASK_PREFIX);
}

export function isPriorityName(name: string): boolean {
  return /^[0-9]+$/.test(name);
}

/** For sorting: lower runs first; a task without a priority runs after all that have one. */
export function priorityRank(priority: string | null): number {
  return priority === null ? Infinity : Number(priority);
}

export interface NameParts {
  readonly host: string;
  readonly pid: number;
  /** Counts the tasks of one process. */
  readonly counter: number;
  readonly random: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A new task's name, as uWSGI makes them (core/spooler.c, spooler_generate_name). */
export function taskName({ host, pid, counter, random, now }: NameParts): string {
  const seconds = Math.floor(now / 1000);
  const micros = Math.floor((now % 1000) * 1000);
  const safeHost = host.replaceAll(/[^A-Za-z0-9.-]/g, "_");
  return `${TASK_PREFIX}${safeHost}_${pid}_${counter}_${random}_${seconds}_${micros}`;
}

/**
 * When the task was made, in milliseconds since the epoch, as its name says; null when the name does
 * not end like those of uWSGI and of {@link taskName}, in seconds and microseconds.
 */
export function madeAt(name: string): number | null {
  const [, seconds, micros] = /_(\d{1,11})_(\d{1,6})$/.exec(name) ?? [];
  return seconds === undefined ? null : Number(seconds) * 1000 + Number(micros) / 1000;
}

/** What lies beside a task in failed/ and tells why it failed. */
export const RECORD_ENDING = ".json";

/** The path of a record about the file at `path`; always plain text, whatever the file's name is. */
export function recordPath(path: string): string {
  return nameToShow(path) + RECORD_ENDING;
}

/** The name of the task that a record is about; null when it is no record. */
export function recordedTask(name: string): string | null {
  return isRecordName(name) ? name.slice(0, -RECORD_ENDING.length) : null;
}

export function isRecordName(name: string): boolean {
  return name.endsWith(RECORD_ENDING);
}

const ZERO = 48;
const NINE = 57;

/**
 * uWSGI's order of names (scandir with versionsort, so strverscmp(3)): where two names first differ
 * inside a run of digits, the runs compare as numbers, or, when one has leading zeros, as decimal
 * fractions (`000 < 00 < 01 < 010 < 09 < 0 < 1 < 9 < 10`); elsewhere the character codes decide.
 */
export function compareNatural(a: string, b: string): number {
  // As numbers: a letter of a string is a string of its own.
  let at = 0;
  const common = Math.min(a.length, b.length);
  while (at < common && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === a.length && at === b.length) return 0;

  let start = at;
  while (isDigit(a, start - 1)) start--;
  const byCode = codeAt(a, at) - codeAt(b, at);
  const endA = digitsEnd(a, start);
  const endB = digitsEnd(b, start);
  if (endA === start || endB === start) return byCode;
  const zerosA = leadingZeros(a, start, endA);
  const zerosB = leadingZeros(b, start, endB);
  if (zerosA !== zerosB) return zerosB - zerosA;
  if (zerosA > 0) return byCode;
  return endA - endB || byCode;
}

function codeAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : 0;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= ZERO && code <= NINE;
}

function digitsEnd(text: string, start: number): number {
  let end = start;
  while (isDigit(text, end)) end++;
  return end;
}

/** Of the digits from `start` to `end`, of which the last is never a leading zero. */
function leadingZeros(text: string, start: number, end: number): number {
  let at = start;
  while (at < end - 1 && codeAt(text, at) === ZERO) at++;
  return at - start;
}
