/**
 * What the JSON files about a task say: `.spooler/attempts/NAME.json` and `failed/NAME.json`. Somebody
 * else may have written them, so what is not as this program writes it is taken for missing; the record of
 * a later program is refused. Version 0.1 of the program wrote no version.
 *
 * @pure
 */

import { isJsonObject, parseJson } from "../platform/json.ts";
import type { Attempts, Decided, FailedRecord } from "./task.ts";

const VERSION = 1;

/** The record of a later program: what it decided about the task cannot be known here. */
export class LaterRecordError extends Error {
  override name = "LaterRecordError";

  constructor(version: number) {
    super(`its record has version ${version}, of a later program`);
  }
}

export function attemptsText(attempts: Attempts): string {
  return `${JSON.stringify({ version: VERSION, ...attempts })}\n`;
}

export function failedText(record: FailedRecord): string {
  return `${JSON.stringify({ version: VERSION, ...record })}\n`;
}

/** @throws {LaterRecordError} */
export function readAttempts(text: string | null): Attempts | null {
  return attemptsFrom(parse(text));
}

/** @throws {LaterRecordError} */
export function readFailed(text: string | null): FailedRecord | null {
  const value = parse(text);
  if (!isJsonObject(value)) return null;
  const { reason, failedAt, attempts } = value;
  if (typeof reason !== "string" || typeof failedAt !== "number") return null;
  return { reason, failedAt, attempts: attemptsFrom(attempts) };
}

/** Undefined for what is no JSON. */
function parse(text: string | null): unknown {
  const value = text === null ? undefined : parseJson(text);
  const { version = VERSION } = isJsonObject(value) ? value : {};
  if (typeof version === "number" && version > VERSION) throw new LaterRecordError(version);
  return version === VERSION ? value : undefined;
}

/** Of a value of JSON; null when it says nothing of failures. */
export function attemptsFrom(value: unknown): Attempts | null {
  if (!isJsonObject(value)) return null;
  const { failures, firstFailureAt, lastFailureAt, reason, stderr, crashes } = value;
  const decided = decidedOf(value.decided);
  if (
    typeof failures !== "number" || typeof firstFailureAt !== "number" ||
    typeof lastFailureAt !== "number" || typeof reason !== "string"
  ) return null;
  return {
    failures,
    firstFailureAt,
    lastFailureAt,
    reason,
    stderr: typeof stderr === "string" ? stderr : "",
    ...(typeof crashes === "number" ? { crashes } : {}),
    ...(decided === null ? {} : { decided }),
  };
}

function decidedOf(value: unknown): Decided | null {
  if (!isJsonObject(value)) return null;
  const { fate, reason, file } = value;
  if ((fate !== "done" && fate !== "failed") || typeof reason !== "string") return null;
  return typeof file === "string" ? { fate, reason, file } : null;
}
