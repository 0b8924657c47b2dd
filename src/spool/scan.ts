/** Looks for the tasks of a spool directory, in pieces, so that a huge one can be worked on. */

import { join } from "node:path";
import type { SpoolDirectory } from "./directory.ts";
import { FAILED_DIR, isPriorityName, isTaskName, type TaskRef } from "./layout.ts";
import type { SeenTask } from "./task.ts";

export class Scanner {
  constructor(private readonly spool: SpoolDirectory) {}

  /** Everything that has a task's name. What has a priority comes first. */
  *scan(): Generator<SeenTask[]> {
    for (const refs of this.taskNames()) {
      yield refs.flatMap((ref) => this.see(ref) ?? []);
    }
  }

  /** One task as it is now; null when it is gone or no file. */
  see(ref: TaskRef): SeenTask | null {
    const stat = this.spool.claims.lstat(this.spool.pathOf(ref));
    return stat?.kind === "file" ? { ...ref, dueAt: stat.mtimeMs } : null;
  }

  *taskNames(): Generator<TaskRef[]> {
    for (const priority of this.#directories().filter(isPriorityName)) {
      yield* this.#namesIn(priority);
    }
    yield* this.#namesIn(null);
  }

  *#namesIn(priority: string | null): Generator<TaskRef[]> {
    for (const entries of this.spool.list(join(this.spool.path, priority ?? ""))) {
      yield entries.flatMap(({ name }) =>
        name !== null && isTaskName(name) ? [{ name, priority }] : []
      );
    }
  }

  /** Sub-directories that hold tasks and that nobody works through: `5x/`, `urgent/`, … */
  stranded(): string[] {
    return this.#directories().filter((name) =>
      !isPriorityName(name) && name !== FAILED_DIR && !name.startsWith(".") &&
      this.#holdsTasks(name)
    );
  }

  #holdsTasks(sub: string): boolean {
    for (const entries of this.spool.list(join(this.spool.path, sub))) {
      if (entries.some(({ name }) => name !== null && isTaskName(name))) return true;
    }
    return false;
  }

  /** Names of the sub-directories; a directory with a task's name is none of ours. */
  #directories(): string[] {
    const names: string[] = [];
    for (const entries of this.spool.list(this.spool.path)) {
      for (const { name } of entries) {
        if (name === null || isTaskName(name)) continue;
        if (this.spool.claims.lstat(join(this.spool.path, name))?.kind === "directory") {
          names.push(name);
        }
      }
    }
    return names;
  }
}
