/**
 * What is remembered of tasks besides their files: the attempts of those that have failed, and the
 * reason beside each in failed/.
 */

import { basename, dirname, join } from "@std/path";
import { nameFromShown } from "../platform/name.ts";
import type { SpoolDirectory } from "./directory.ts";
import {
  ATTEMPTS_DIR,
  isCut,
  isPriorityName,
  isTaskName,
  RECORD_ENDING,
  recordPath,
  taskId,
  type TaskRef,
} from "./layout.ts";
import {
  attemptsText,
  failedText,
  LaterRecordError,
  readAttempts,
  readFailed,
} from "./record_text.ts";
import type { Attempts, FailedRecord } from "./task.ts";

export class Records {
  constructor(private readonly spool: SpoolDirectory) {}

  /**
   * Null when it has not failed, or when its record cannot be read.
   *
   * @throws {LaterRecordError}
   */
  attempts(ref: TaskRef): Attempts | null {
    return readAttempts(this.spool.readText(this.#attemptsPath(ref)));
  }

  /** The same, but null for the record of a later program. */
  knownAttempts(ref: TaskRef): Attempts | null {
    return orNull(() => this.attempts(ref));
  }

  /** The tasks of whose failures something is remembered; they may be gone. */
  withAttempts(): TaskRef[] {
    const tasks: TaskRef[] = [];
    const priorities: (string | null)[] = [null];
    for (let at = 0; at < priorities.length; at++) {
      const priority = priorities[at] ?? null;
      for (
        const entries of this.spool.entries.list(
          join(this.spool.path, ATTEMPTS_DIR, priority ?? ""),
        )
      ) {
        for (const { name } of entries) {
          if (isTaskName(name) && !isCut(name)) {
            tasks.push({ name: nameFromShown(basename(name, RECORD_ENDING)), priority });
          } else if (priority === null && isPriorityName(name)) priorities.push(name);
        }
      }
    }
    return tasks;
  }

  writeAttempts(ref: TaskRef, attempts: Attempts): void {
    const path = this.#attemptsPath(ref);
    if (ref.priority !== null) this.spool.makeDirectory(dirname(path));
    this.spool.replaceFile(path, attemptsText(attempts));
  }

  forgetAttempts(ref: TaskRef): void {
    this.spool.removeIfThere(this.#attemptsPath(ref));
  }

  #attemptsPath(ref: TaskRef): string {
    return recordPath(`${this.spool.path}/${ATTEMPTS_DIR}/${taskId(ref)}`);
  }

  writeFailed(failedPath: string, record: FailedRecord): void {
    this.spool.replaceFile(recordPath(failedPath), failedText(record));
  }

  /** Why a task in failed/ was given up; null when it has no record that says so. */
  failed(failedPath: string): FailedRecord | null {
    const text = this.spool.readText(recordPath(failedPath));
    return orNull(() => readFailed(text));
  }

  forgetFailed(failedPath: string): void {
    this.spool.removeIfThere(recordPath(failedPath));
  }
}

/** What is read, or null when a later program has written it. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof LaterRecordError) return null;
    throw error;
  }
}
