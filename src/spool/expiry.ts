/** Removes from failed/ what has been there for longer than somebody needs to keep it. */

import { join } from "@std/path";
import type { SpoolDirectory } from "./directory.ts";
import { FAILED_DIR, isPriorityName, isRecordName, isTaskName, type TaskRef } from "./layout.ts";
import type { Records } from "./records.ts";

export interface ExpiredTask extends TaskRef {
  /** When it was given up, in milliseconds since the epoch. */
  readonly failedAt: number;
}

/**
 * Removes the tasks that were given up before `before` (milliseconds since the epoch), in pieces that may
 * be empty, so that others get their turn. A task without a readable record counts from the last
 * change of its file on. What another process holds at the moment, to retry it say, stays.
 */
export function* removeFailedBefore(
  spool: SpoolDirectory,
  records: Records,
  before: number,
): Generator<ExpiredTask[]> {
  const priorities: (string | null)[] = [null];
  for (let at = 0; at < priorities.length; at++) {
    const priority = priorities[at] ?? null;
    for (const entries of spool.entries.list(join(spool.path, FAILED_DIR, priority ?? ""))) {
      const expired: ExpiredTask[] = [];
      for (const { name } of entries) {
        if (priority === null && isPriorityName(name)) priorities.push(name);
        if (!isTaskName(name)) continue;
        const failedAt = removeIfOlder(spool, records, { name, priority }, before);
        if (failedAt !== null) expired.push({ name, priority, failedAt });
      }
      yield expired;
    }
  }
}

/** Returns when the task was given up; null when it stays, or is not a task. */
function removeIfOlder(
  spool: SpoolDirectory,
  records: Records,
  ref: TaskRef,
  before: number,
): number | null {
  const path = spool.failedPathOf(ref);
  // What ends like a record is a task only when it has a record of its own.
  if (isRecordName(ref.name) && records.failed(path) === null) return null;
  const stat = spool.claims.lstat(path);
  if (stat?.kind !== "file") return null;
  const failedAt = records.failed(path)?.failedAt ?? stat.ctimeMs;
  if (failedAt >= before) return null;
  const claim = spool.claims.claim(path, Infinity);
  if (claim.kind !== "claimed") return null;
  try {
    spool.files.removeSync(path);
    records.forgetFailed(path);
  } finally {
    claim.release();
  }
  return failedAt;
}
