/**
 * The names in a spool directory and what they mean. docs/spool-format.md has the same in prose.
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
import { TASK_PREFIX } from "../task/task_name.ts";

export { TASK_PREFIX, taskName } from "../task/task_name.ts";

/** What belongs to the program and not to a task. */
export const STATE_DIR = ".spooler";
export const TMP_DIR = ".spooler/tmp";
export const ATTEMPTS_DIR = ".spooler/attempts";
/**
 * What runs: a file for each program, of records that name its tasks. A file with a task's own name says
 * that a program died during its run.
 */
export const RUNNING_DIR = ".spooler/running";
/** What ran; see history_files.ts. */
export const HISTORY_DIR = ".spooler/history";
/** The socket of each running program, for its operator; see control_sockets.ts. */
export const CONTROL_DIR = ".spooler/control";
/** Claims of tasks that are the only ones with their key; see src/task/unique_claims.ts. */
export const UNIQUE_DIR = ".spooler/unique";
export const PAUSED_FILE = ".spooler/paused";
/** The ids of tasks that peers have sent, and the file's predecessor; see accepted_ids.ts. */
export const ACCEPTED_FILE = ".spooler/accepted";
export const ACCEPTED_OLD_FILE = ".spooler/accepted.old";
/** What was accepted and may not be on disk yet; other programs' are `journal.1` and so on. See journal.ts. */
export const JOURNAL_FILE = ".spooler/journal";
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

/** As many characters as distinguish the tasks of some minutes. */
const SHORT_LENGTH = 9;

/** The end of a task's name, for lines that have much else to say: `04_735042`. */
export function shortLabel(name: string): string {
  return taskLabel(name).slice(-SHORT_LENGTH);
}

/** Whether a text is what {@link taskId} makes. */
export function isTaskId(id: string): boolean {
  const slash = id.indexOf("/");
  const name = id.slice(slash + 1);
  return isTaskName(name) && !name.includes("/") &&
    (slash < 0 || isPriorityName(id.slice(0, slash)));
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

/** Names for the tasks of one thread of a program, as {@link taskName} makes them, with one `mark` for all. */
export class TaskNames {
  readonly #start: string;
  #counter = 0;

  readonly #mark: string;

  constructor(host: string, pid: number, mark: number) {
    this.#start = `${TASK_PREFIX}${host.replaceAll(/[^A-Za-z0-9.-]/g, "_")}_${pid}_`;
    this.#mark = `_${mark}_`;
  }

  next(now: number): string {
    const counter = ++this.#counter;
    const seconds = Math.floor(now / 1000);
    const measured = Math.floor((now % 1000) * 1000);
    const micros = measured % 1000 === 0 ? measured + counter % 1000 : measured;
    return `${this.#start}${counter}${this.#mark}${seconds}_${micros}`;
  }
}

/**
 * When the task was made, in milliseconds since the epoch, as its name says; null when the name does
 * not end like those of uWSGI and of {@link taskName}, in seconds and microseconds.
 */
export function madeAt(name: string): number | null {
  // Not by an expression: it is asked for each of a million names.
  const microsAt = digitsStart(name, name.length);
  const secondsEnd = microsAt - 1;
  const secondsAt = digitsStart(name, secondsEnd);
  const micros = name.length - microsAt;
  const seconds = secondsEnd - secondsAt;
  if (micros < 1 || micros > 6 || seconds < 1 || seconds > 11) return null;
  if (name.charCodeAt(secondsEnd) !== UNDERSCORE) return null;
  if (name.charCodeAt(secondsAt - 1) !== UNDERSCORE) return null;
  return numberAt(name, secondsAt, secondsEnd) * 1000 +
    numberAt(name, microsAt, name.length) / 1000;
}

/** How far the clocks of a name and of its file may be apart when nobody deferred it. */
const SAME_TIME_MS = 1000;

/**
 * When a task is due, in milliseconds since the epoch: its mtime. A task that was made while the clock
 * was ahead has an mtime in the future though nobody deferred it: its name says so, and it is due now.
 *
 * @param path of the file, or its name
 */
export function dueTime(path: string, mtimeMs: number, now: number): number {
  if (mtimeMs <= now) return mtimeMs;
  const made = madeAt(path);
  const isAhead = made !== null && made > now + SAME_TIME_MS;
  return isAhead && Math.abs(mtimeMs - made) < SAME_TIME_MS ? now : mtimeMs;
}

/** Of the record beside a task in failed/, which says why it failed. */
export const RECORD_ENDING = ".json";

/** The path of a record about the file at `path`; its name is always plain text. */
export function recordPath(path: string): string {
  const start = path.lastIndexOf("/") + 1;
  return path.slice(0, start) + nameAbout(path.slice(start), RECORD_ENDING);
}

/** The longest name of a file. */
const MOST_NAME_BYTES = 255;

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Most names need not be encoded for it: no UTF-16 unit takes more than three bytes. */
function hasRoom(text: string, most: number): boolean {
  return text.length * 3 <= most || byteLength(text) <= most;
}

/** So much of a name that it has `most` bytes or fewer as it is shown. */
function cut(name: string, most: number): string {
  let stem = name;
  while (!hasRoom(nameToShow(stem), most)) stem = stem.slice(0, -1);
  return stem;
}

/**
 * The name of a file of ours about a task: plain text, whatever the task's name is. Where that would be
 * too long it ends in a hash, and does not say which task it is about.
 */
function nameAbout(name: string, ending: string): string {
  const shown = nameToShow(name);
  if (hasRoom(shown, MOST_NAME_BYTES - ending.length)) return shown + ending;
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(shown)) hash = Math.imul(hash ^ byte, 0x01000193);
  const digits = (hash >>> 0).toString(16).padStart(8, "0");
  return `${cut(shown, MOST_NAME_BYTES - ending.length - 10)}~~${digits}${ending}`;
}

/** Whether a name of {@link recordPath} or {@link markName} was cut, so that it does not say which task it is about. */
export function isCut(name: string): boolean {
  return /~~[0-9a-f]{8}(?:\.json)?$/.test(name) && byteLength(name) > MOST_NAME_BYTES - 4;
}

/** The name of the mark that a program died while it ran the task of this id. */
export function markName(id: string): string {
  return nameAbout(id.replace("/", "_"), "");
}

/**
 * What a task is called in failed/. Nothing there is ever replaced: the second of a name gets `.2` behind
 * it, and so on. What ends like a record gets `.1`, so that no task has the name of a record.
 */
export function failedName(name: string, number: number): string {
  const ending = number > 1 || isRecordName(name) ? `.${number}` : "";
  return cut(name, MOST_NAME_BYTES - ending.length - RECORD_ENDING.length) + ending;
}

export function isRecordName(name: string): boolean {
  return name.endsWith(RECORD_ENDING);
}

const ZERO = 48;
const NINE = 57;
const UNDERSCORE = 95;

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

  const start = digitsStart(a, at);
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

/** Where the digits begin that end before `end`. */
function digitsStart(text: string, end: number): number {
  let start = end;
  while (isDigit(text, start - 1)) start--;
  return start;
}

/** Of digits. */
function numberAt(text: string, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at++) number = 10 * number + text.charCodeAt(at) - ZERO;
  return number;
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
