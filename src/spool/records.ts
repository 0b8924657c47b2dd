/**
 * What is remembered of tasks besides their files: the attempts of those that have failed, and the
 * reason beside each in failed/.
 */

import { dirname, join } from "node:path";
import type { SpoolDirectory } from "./directory.ts";
import {
  ATTEMPTS_DIR,
  isPriorityName,
  isTaskName,
  recordedTask,
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

  /** Ids of the tasks that have failed before. */
  failedBefore(): string[] {
    const ids: string[] = [];
    this.#noteAttempts(ATTEMPTS_DIR, null, ids);
    return ids;
  }

  #noteAttempts(dir: string, priority: string | null, ids: string[]): void {
    for (const entries of this.spool.list(join(this.spool.path, dir))) {
      for (const { name } of entries) {
        const task = recordedTask(name);
        if (task !== null && isTaskName(task)) ids.push(taskId({ name: task, priority }));
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

  forgetFailed(failedPath: string): void {
    this.spool.removeIfThere(recordPath(failedPath));
  }
}
