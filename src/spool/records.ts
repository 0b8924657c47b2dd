/**
 * What is remembered of tasks besides their files: attempts of those that have failed, marks of those
 * that run, and the reason beside each in failed/.
 */

import { basename, dirname, join } from "node:path";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import {
  ATTEMPTS_DIR,
  isPriorityName,
  isTaskName,
  RECORD_ENDING,
  RUNNING_DIR,
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

  /**
   * Ids of the tasks of which something is remembered: they have failed, or the program died while
   * they ran.
   */
  remembered(): Set<string> {
    const ids = new Set<string>();
    this.#noteAttempts(ATTEMPTS_DIR, null, ids);
    for (const entries of this.spool.list(join(this.spool.path, RUNNING_DIR))) {
      for (const { name } of entries) if (name !== null) ids.add(Records.markedId(name));
    }
    return ids;
  }

  #noteAttempts(dir: string, priority: string | null, ids: Set<string>): void {
    for (const entries of this.spool.list(join(this.spool.path, dir))) {
      for (const { name } of entries) {
        if (name === null) continue;
        if (isTaskName(name)) ids.add(taskId({ name: basename(name, RECORD_ENDING), priority }));
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
    return join(this.spool.path, ATTEMPTS_DIR, `${taskId(ref)}${RECORD_ENDING}`);
  }

  /** Whether the last run of the task did not end: its program died. */
  isMarked(ref: TaskRef): boolean {
    return this.spool.exists(this.#markPath(ref));
  }

  mark(ref: TaskRef): void {
    const how = { write: true, create: true, mode: TASK_MODE };
    this.spool.files.openSync(this.#markPath(ref), how).close();
  }

  unmark(ref: TaskRef): void {
    this.spool.removeIfThere(this.#markPath(ref));
  }

  #markPath(ref: TaskRef): string {
    return join(this.spool.path, RUNNING_DIR, taskId(ref).replace("/", "_"));
  }

  /** The task whose run a mark in the directory of marks is about, from the spool directory on. */
  static markedId(markPath: string): string {
    return basename(markPath).replace(/^([0-9]+)_/, "$1/");
  }

  writeFailed(failedPath: string, record: FailedRecord): void {
    this.spool.writeJson(failedPath + RECORD_ENDING, record);
  }

  forgetFailed(failedPath: string): void {
    this.spool.removeIfThere(failedPath + RECORD_ENDING);
  }
}
