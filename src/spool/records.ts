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

  /** Ids of the tasks that have failed and are not given up. */
  remembered(): Set<string> {
    const ids = new Set<string>();
    this.#noteAttempts(ATTEMPTS_DIR, null, ids);
    return ids;
  }

  #noteAttempts(dir: string, priority: string | null, ids: Set<string>): void {
    for (const entries of this.spool.list(join(this.spool.path, dir))) {
      for (const { name } of entries) {
        const task = nameFromShown(basename(name, RECORD_ENDING));
        if (isTaskName(name)) ids.add(taskId({ name: task, priority }));
        else if (isPriorityName(name)) this.#noteAttempts(join(dir, name), name, ids);
      }
    }
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
