/**
 * What is remembered of a job between two starts of the program, and its form on disk.
 *
 * The file is one JSON object: `{"version":1,"jobs":{ID:RECORD}}`. Times are milliseconds since
 * the epoch. A record of a later version may have more keys; none of these changes its meaning.
 *
 * @pure
 */

import { isJsonObject } from "../platform/json.ts";

export interface LastRun {
  readonly slotAt: number;
  readonly startedAt: number;
  /** Null while it runs, and for good when the program was killed meanwhile. */
  readonly endedAt: number | null;
  /** How it ended, for people; null while it runs. */
  readonly result: string | null;
  readonly ok: boolean | null;
  /** Of the shell, where there is one. */
  readonly pid: number | null;
}

export interface JobRecord {
  readonly name: string;
  /** The last slot that was dealt with: run, skipped, or found to be missed. */
  readonly slotAt: number;
  /** The start of the machine in which that was. */
  readonly boot: string;
  /** Null for a job whose slots were all skipped. */
  readonly run: LastRun | null;
}

/** Of a run that has begun. */
export function startedRun(slotAt: number, startedAt: number): LastRun {
  return { slotAt, startedAt, endedAt: null, result: null, ok: null, pid: null };
}

/** A job that is in no ini any more is forgotten after this. */
const FORGOTTEN_AFTER_MS = 400 * 86_400_000;

const VERSION = 1;

export function encodeRecords(records: ReadonlyMap<string, JobRecord>): string {
  return `${JSON.stringify({ version: VERSION, jobs: Object.fromEntries(records) })}\n`;
}

/** @throws {SyntaxError} when this is no state file, or one of a version that is not known */
export function decodeRecords(text: string): Map<string, JobRecord> {
  const state: unknown = JSON.parse(text);
  if (!isJsonObject(state) || !isJsonObject(state.jobs)) {
    throw new SyntaxError("is not a state file of schedules");
  }
  if (state.version !== VERSION) {
    throw new SyntaxError(`has version ${state.version}; this program knows ${VERSION}`);
  }
  const records = new Map<string, JobRecord>();
  for (const [id, value] of Object.entries(state.jobs)) {
    if (!isRecord(value)) throw new SyntaxError(`has a malformed record: ${id}`);
    records.set(id, value);
  }
  return records;
}

export function withoutForgotten(
  records: ReadonlyMap<string, JobRecord>,
  now: number,
): Map<string, JobRecord> {
  return new Map([...records].filter(([, { slotAt }]) => now - slotAt < FORGOTTEN_AFTER_MS));
}

function isRecord(value: unknown): value is JobRecord {
  return isJsonObject(value) && typeof value.name === "string" &&
    typeof value.slotAt === "number" &&
    typeof value.boot === "string" && (value.run === null || isRun(value.run));
}

function isRun(value: unknown): value is LastRun {
  const isNumber = (each: unknown) => typeof each === "number";
  return isJsonObject(value) && isNumber(value.slotAt) && isNumber(value.startedAt) &&
    [value.endedAt, value.pid].every((each) => each === null || isNumber(each)) &&
    (value.result === null || typeof value.result === "string") &&
    (value.ok === null || typeof value.ok === "boolean");
}
