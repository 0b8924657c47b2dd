/**
 * What happens to a task that a program runs: it is claimed, it begins, and it is done, deferred,
 * failed or given back. Each has one system call for its commit point: unlink, utime, rename, none.
 */

import { dirname } from "node:path";
import type { SpoolDirectory } from "./directory.ts";
import type { TaskRef } from "./layout.ts";
import type { Records } from "./records.ts";
import type { Attempts, Claimed, ClaimedTask, FailedRecord } from "./task.ts";
import { readTask } from "./task_file.ts";

/** A file that is too short and has not changed for this long is damaged, not half-written. */
export const HALF_WRITTEN_MS = 60_000;

export class Transitions {
  constructor(private readonly spool: SpoolDirectory, private readonly records: Records) {}

  /** See {@link Store.claim}. */
  claim(ref: TaskRef): Claimed {
    const path = this.spool.pathOf(ref);
    const now = this.spool.clock.now();
    const claim = this.spool.claims.claim(path, now);
    if (claim.kind !== "claimed") return claim;
    let handedOut = false;
    try {
      const read = readTask(claim);
      switch (read.kind) {
        case "task":
          handedOut = true;
          return {
            ...ref,
            ...read,
            kind: "claimed",
            path,
            attempts: this.records.attempts(ref),
            crashed: this.records.isMarked(ref),
            release: () => claim.release(),
          };
        case "short":
          if (now - claim.stat.ctimeMs < HALF_WRITTEN_MS) {
            return { kind: "incomplete", reason: read.reason };
          }
          this.#moveToFailed(ref, { reason: read.reason, failedAt: now, attempts: null });
          return { kind: "damaged", reason: read.reason };
        case "damaged":
          this.#moveToFailed(ref, { reason: read.reason, failedAt: now, attempts: null });
          return { kind: "damaged", reason: read.reason };
        default:
          return read satisfies never;
      }
    } finally {
      if (!handedOut) claim.release();
    }
  }

  begin(task: ClaimedTask): void {
    this.records.mark(task);
  }

  giveBack(task: ClaimedTask): void {
    this.records.unmark(task);
    task.release();
  }

  finish(task: ClaimedTask): void {
    this.spool.files.removeSync(task.path);
    this.records.unmark(task);
    if (task.attempts || task.crashed) this.records.forgetAttempts(task);
    task.release();
  }

  defer(task: ClaimedTask, dueAt: number, attempts: Attempts | null): void {
    if (attempts) this.records.writeAttempts(task, attempts);
    this.spool.files.utimeSync(task.path, dueAt / 1000, dueAt / 1000);
    this.records.unmark(task);
    task.release();
  }

  fail(task: ClaimedTask, reason: string, attempts: Attempts | null): void {
    this.#moveToFailed(task, { reason, failedAt: this.spool.clock.now(), attempts });
    this.records.forgetAttempts(task);
    this.records.unmark(task);
    task.release();
  }

  #moveToFailed(ref: TaskRef, record: FailedRecord): void {
    const to = this.spool.failedPathOf(ref);
    this.spool.makeSync(dirname(to));
    // The record first: a failed task without one would not say why, a record without a task is
    // overwritten the next time.
    this.records.writeFailed(to, record);
    this.spool.files.renameSync(this.spool.pathOf(ref), to);
  }
}
