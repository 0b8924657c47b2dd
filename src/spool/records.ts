/**
 * What is remembered of tasks besides their files: the attempts of those that have failed, and the
 * reason beside each in failed/.
 */

import { basename, dirname, join } from "node:path";
import { nameFromShown } from "../platform/name.ts";
import type { SpoolDirectory } from "./directory.ts";
import {
  ATTEMPTS_DIR,
  isPriorityName,
  isTaskName,
  RECORD_ENDING,
  recordPath,
  taskId,
  type TaskRef,
} from "./layout.ts";
import type { Attempts, FailedRecord } from "./task.ts";

export class Records {
  constructor(private readonly spool: SpoolDirectory) {}

  /** Null when it has not failed, or when its record cannot be read. */
  attempts(ref: TaskRef): Attempts | null {
    const path = this.#attemptsPath(ref);
    if (!this.spool.exists(path)) return null;
    try {
      return JSON.parse(Deno.readTextFileSync(path)) as Attempts;
    } catch {
      return null;
    }
  }

  /** The tasks of whose failures something is remembered; they may be gone. */
  withAttempts(): TaskRef[] {
    const tasks: TaskRef[] = [];
    const priorities: (string | null)[] = [null];
    for (let at = 0; at < priorities.length; at++) {
      const priority = priorities[at] ?? null;
      for (const entries of this.spool.list(join(this.spool.path, ATTEMPTS_DIR, priority ?? ""))) {
        for (const { name } of entries) {
          if (isTaskName(name)) {
            tasks.push({ name: nameFromShown(basename(name, RECORD_ENDING)), priority });
          } else if (priority === null && isPriorityName(name)) priorities.push(name);
        }
      }
    }
    return tasks;
  }

  writeAttempts(ref: TaskRef, attempts: Attempts): void {
    const path = this.#attemptsPath(ref);
    if (ref.priority !== null) this.spool.makeSync(dirname(path));
    this.spool.writeJson(path, attempts);
  }

  forgetAttempts(ref: TaskRef): void {
    this.spool.removeIfThere(this.#attemptsPath(ref));
  }

  #attemptsPath(ref: TaskRef): string {
    return recordPath(join(this.spool.path, ATTEMPTS_DIR, taskId(ref)));
  }

  writeFailed(failedPath: string, record: FailedRecord): void {
    this.spool.writeJson(recordPath(failedPath), record);
  }

  /** When a task in failed/ was given up; null when it has no record that says so. */
  failedAt(failedPath: string): number | null {
    const path = recordPath(failedPath);
    if (!this.spool.exists(path)) return null;
    try {
      const { failedAt } = JSON.parse(Deno.readTextFileSync(path)) as Partial<FailedRecord>;
      return typeof failedAt === "number" ? failedAt : null;
    } catch {
      return null;
    }
  }

  forgetFailed(failedPath: string): void {
    this.spool.removeIfThere(recordPath(failedPath));
  }
}
