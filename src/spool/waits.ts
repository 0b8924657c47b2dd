/** Tasks that wait for others, by their files: src/task/after.ts. */

import { join } from "@std/path";
import { readAfter, WAITING_SECONDS } from "../task/after.ts";
import { parseAt } from "../task/request.ts";
import { findText, type Var } from "../wire/packet.ts";
import type { SpoolDirectory } from "./directory.ts";
import { FAILED_DIR, isPriorityName, type TaskRef } from "./layout.ts";
import { type Readable, readTask } from "./task_file.ts";

export class Waits {
  constructor(private readonly spool: SpoolDirectory) {}

  /** See {@link Store.placeOf}. In the order in which a task moves, twice for one that is retried. */
  placeOf(name: string): "queue" | "failed" | "gone" {
    for (let round = 0; round < 2; round++) {
      if (this.#isBelow("", name)) return "queue";
      if (this.#isBelow(FAILED_DIR, name)) return "failed";
    }
    return "gone";
  }

  /** What has no priority is found without a list. */
  #isBelow(sub: string, name: string): boolean {
    const { entries, path } = this.spool;
    const dir = join(path, sub);
    if (this.spool.exists(join(dir, name))) return true;
    for (const found of entries.listDirectories(dir)) {
      for (const { name: priority } of found) {
        if (isPriorityName(priority) && this.spool.exists(join(dir, priority, name))) return true;
      }
    }
    return false;
  }

  /** See {@link Store.endWait}. */
  end(ref: TaskRef): number | null {
    const { clock, claims, files } = this.spool;
    const path = this.spool.pathOf(ref);
    const claim = claims.claim(path, Infinity);
    if (claim.kind !== "claimed") return null;
    try {
      // Another program may have been faster.
      if (claim.stat.mtimeMs !== WAITING_SECONDS * 1000) return null;
      const dueAt = Math.max(clock.now(), atOf(varsOf(claim)));
      files.utimeSync(path, dueAt / 1000, dueAt / 1000);
      return dueAt;
    } finally {
      claim.release();
    }
  }
}

/** Whether a task that is read is to wait for others, when it comes from failed/. */
export function waitsForOthers(file: Readable): boolean {
  return namesIn(varsOf(file)).length > 0;
}

function varsOf(file: Readable): readonly Var[] {
  const read = readTask(file);
  return read.kind === "task" ? read.vars : [];
}

/** A file may hold anything: what is no name is waited for by nobody. */
export function namesIn(vars: readonly Var[]): readonly string[] {
  try {
    return readAfter(vars);
  } catch {
    return [];
  }
}

function atOf(vars: readonly Var[]): number {
  try {
    return parseAt(findText(vars, "at") ?? "0") * 1000;
  } catch {
    return 0;
  }
}
