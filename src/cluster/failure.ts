/** What a stream keeps of failures: of tasks that run again, and of those that were given up. @pure */

import { FAILURE_HEADER } from "../nats/headers.ts";
import type { StreamMessage } from "../nats/messages.ts";
import { isJsonObject, parseJson } from "../platform/json.ts";
import { attemptsFrom, readAttempts } from "../spool/record_text.ts";
import type { Attempts, FailedRecord } from "../spool/task.ts";

const encoder = new TextEncoder();

/** Why a task was given up. */
export interface StreamFailure {
  readonly reason: string;
  /** 1 for the first run. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly failedAt: number;
  /** Of the task's message, when it was in the stream. */
  readonly sequence: number;
  /** What was known of its failed runs; null when it never ran. */
  readonly attempts: Attempts | null;
}

/** What is remembered of a task that was put off after a failure. */
export interface StreamAttempts extends Attempts {
  /** When somebody is to run it again, in milliseconds since the epoch. */
  readonly dueAt?: number;
}

/** Null when nobody has written why it failed. */
export function failureOf(message: StreamMessage): StreamFailure | null {
  const value = parseJson(message.header(FAILURE_HEADER));
  if (!isJsonObject(value)) return null;
  const { reason, attempt, failedAt, sequence, attempts } = value;
  if (typeof reason !== "string" || typeof failedAt !== "number") return null;
  return {
    ...{ reason, failedAt },
    attempt: typeof attempt === "number" ? attempt : 1,
    sequence: typeof sequence === "number" ? sequence : 0,
    attempts: attemptsFrom(attempts),
  };
}

/**
 * As a header. What a task wrote to its error output is cut in front until the header has room.
 *
 * @param most bytes that it may have
 */
export function failureText(failure: StreamFailure, most: number): string {
  const { attempts } = failure;
  const textWith = (stderr: string) =>
    JSON.stringify(attempts === null ? failure : { ...failure, attempts: { ...attempts, stderr } });
  let stderr = attempts?.stderr ?? "";
  let text = textWith(stderr);
  while (stderr !== "" && encoder.encode(text).length > most) {
    // A half that begins amid a character of two units would be no text.
    stderr = stderr.slice(Math.ceil(stderr.length / 2)).replace(/^[\uDC00-\uDFFF]/, "");
    text = textWith(stderr);
  }
  return text;
}

/** As a spool has it. */
export function recordOf({ reason, attempt, failedAt, attempts }: StreamFailure): FailedRecord {
  // Earlier programs wrote no more than how often it ran.
  const known = attempts ?? {
    ...{ failures: attempt, firstFailureAt: failedAt, lastFailureAt: failedAt },
    ...{ reason, stderr: "" },
  };
  return { reason, failedAt, attempts: known };
}

/** Null for what is none. */
export function streamAttemptsOf(text: string): StreamAttempts | null {
  const attempts = readAttempts(text);
  const value = parseJson(text);
  const dueAt = isJsonObject(value) && typeof value.dueAt === "number" ? value.dueAt : null;
  return attempts === null || dueAt === null ? attempts : { ...attempts, dueAt };
}
