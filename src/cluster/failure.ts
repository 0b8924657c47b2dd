/** What a stream keeps of failures: of tasks that run again, and of those that were given up. @pure */

import { FAILURE_HEADER } from "../nats/headers.ts";
import type { StreamMessage } from "../nats/messages.ts";
import { isJsonObject, parseJson } from "../platform/json.ts";
import { readAttempts } from "../spool/record_text.ts";
import type { Attempts, FailedRecord } from "../spool/task.ts";

/** Why a task was given up. */
export interface StreamFailure {
  readonly reason: string;
  /** 1 for the first run. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly failedAt: number;
  /** Of the task's message, when it was in the stream. */
  readonly sequence: number;
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
  const { reason, attempt, failedAt, sequence } = value;
  if (typeof reason !== "string" || typeof failedAt !== "number") return null;
  return {
    ...{ reason, failedAt },
    attempt: typeof attempt === "number" ? attempt : 1,
    sequence: typeof sequence === "number" ? sequence : 0,
  };
}

/** As a spool has it. */
export function recordOf({ reason, attempt, failedAt }: StreamFailure): FailedRecord {
  const attempts = {
    ...{ failures: attempt, firstFailureAt: failedAt, lastFailureAt: failedAt },
    ...{ reason, stderr: "" },
  };
  return { reason, failedAt, attempts };
}

/** Null for what is none. */
export function streamAttemptsOf(text: string): StreamAttempts | null {
  const attempts = readAttempts(text);
  const value = parseJson(text);
  const dueAt = isJsonObject(value) && typeof value.dueAt === "number" ? value.dueAt : null;
  return attempts === null || dueAt === null ? attempts : { ...attempts, dueAt };
}
