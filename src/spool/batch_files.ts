/** How the files of tasks that come in a batch are made, and get their names. */

import { join } from "@std/path";
import { SystemError } from "../platform/libc.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import type { TaskRef } from "./layout.ts";

export class BatchFiles {
  constructor(private readonly spool: SpoolDirectory) {}

  /**
   * Makes a task's file, which has its name when it is whole.
   *
   * @param path in tmp, for where a file cannot be without a name meanwhile
   * @param time in seconds; null is now
   */
  makeWhole(
    ref: TaskRef,
    path: string,
    bytes: Uint8Array<ArrayBuffer>,
    time: number | null,
  ): void {
    const { spool } = this;
    this.#makePriority(ref);
    try {
      const options = { mode: TASK_MODE, time };
      if (spool.files.createWholeSync(spool.pathOf(ref), bytes, options)) return;
    } catch (error) {
      throw withoutName(error);
    }
    this.create(path, bytes, time);
    try {
      spool.files.renameSync(path, spool.pathOf(ref));
    } catch (error) {
      this.removeQuietly(path);
      throw error;
    }
  }

  /** Makes a file in tmp. */
  create(path: string, bytes: Uint8Array<ArrayBuffer>, time: number | null): void {
    try {
      this.spool.files.createSync(path, bytes, { mode: TASK_MODE, time });
    } catch (error) {
      this.removeQuietly(path);
      throw withoutName(error);
    }
  }

  /** Gives the file of a task its name. */
  rename(ref: TaskRef, path: string): void {
    this.#makePriority(ref);
    this.spool.files.renameSync(path, this.spool.pathOf(ref));
  }

  #makePriority({ priority }: TaskRef): void {
    const { spool } = this;
    if (priority !== null) spool.files.mkdirSync(join(spool.path, priority), 0o750);
  }

  removeQuietly(path: string): void {
    try {
      this.spool.removeIfThere(path);
    } catch {
      // What is in tmp is swept at a later start.
    }
  }
}

/** The peer has no use for the name of a file that is gone. */
function withoutName(error: unknown): unknown {
  return error instanceof SystemError ? new Error(`${error.text} (errno ${error.errno})`) : error;
}
