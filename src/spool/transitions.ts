/**
 * What happens to a task that a program runs: it is claimed, it begins, and it is done, deferred,
 * failed or given back. Each has one system call for its commit point: unlink, utime, rename, none.
 */

import { dirname } from "@std/path";
import type { SpoolDirectory } from "./directory.ts";
import { failedName, recordPath, type TaskRef } from "./layout.ts";
import { LaterRecordError } from "./record_text.ts";
import type { Records } from "./records.ts";
import { Removal } from "./removal.ts";
import type { RunningMarks } from "./running.ts";
import type { Stat } from "../platform/stat.ts";
import type { Attempts, Claimed, ClaimedTask, Decided, FailedRecord } from "./task.ts";
import type { UniqueTasks } from "./unique_tasks.ts";
import { readTask } from "./task_file.ts";

/** A file that is too short and has not changed for this long is damaged, not half-written. */
export const HALF_WRITTEN_MS = 60_000;

/** Names that are tried one after the other in failed/. */
const FEW = 10;

/** The same until a file is written to or replaced, whoever owns it and wherever its disk is mounted. */
function fileStamp({ identity, size, mtimeMs }: Stat): string {
  return `${identity.split(":").slice(-2)} ${size} ${mtimeMs}`;
}

export class Transitions {
  readonly #removal: Removal;

  constructor(
    private readonly spool: SpoolDirectory,
    private readonly records: Records,
    private readonly running: RunningMarks,
    private readonly unique: UniqueTasks,
  ) {
    this.#removal = new Removal(spool);
  }

  /** See {@link Store.mayRunUnread}. */
  isRemovalFree(priority: string | null): boolean {
    const { path } = this.spool;
    return this.#removal.isFree(priority === null ? path : `${path}/${priority}`);
  }

  /** See {@link Store.claim}. */
  claim(ref: TaskRef, dueBefore = this.spool.clock.now()): Claimed {
    const path = this.spool.pathOf(ref);
    const now = this.spool.clock.now();
    const claim = this.spool.claims.claim(path, dueBefore);
    if (claim.kind !== "claimed") return claim;
    let handedOut = false;
    try {
      const obstacle = this.#removal.obstacle(dirname(path), claim.stat.uid);
      if (obstacle !== null) return { kind: "unusable", reason: obstacle };
      const attempts = this.records.attempts(ref);
      const decided = attempts?.decided;
      if (attempts && decided?.file === fileStamp(claim.stat)) {
        return this.#carryOut(ref, attempts, decided);
      }
      const read = readTask(claim);
      switch (read.kind) {
        case "task":
          handedOut = true;
          return {
            ...ref,
            ...read,
            kind: "claimed",
            path,
            dueAt: claim.stat.mtimeMs,
            attempts,
            crashed: this.running.hasCrashed(ref),
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
    } catch (error) {
      if (!(error instanceof LaterRecordError)) throw error;
      return { kind: "unusable", reason: error.message };
    } finally {
      if (!handedOut) claim.release();
    }
  }

  /** The fate that could not be written when the task had run. */
  #carryOut(ref: TaskRef, attempts: Attempts, { fate, reason }: Decided): Claimed {
    if (fate === "failed") {
      this.#moveToFailed(ref, { reason, failedAt: this.spool.clock.now(), attempts });
    } else {
      this.spool.files.removeSync(this.spool.pathOf(ref));
      this.unique.release(ref);
    }
    this.running.end(ref);
    this.records.forgetAttempts(ref);
    return fate === "failed" ? { kind: "damaged", reason } : { kind: "finished" };
  }

  /** See {@link Store.remember}. */
  remember(task: ClaimedTask, attempts: Attempts, fate: Decided["fate"], reason: string): void {
    const stat = this.spool.claims.lstat(task.path);
    if (stat === null) return;
    const decided = { fate, reason, file: fileStamp(stat) };
    this.records.writeAttempts(task, { ...attempts, decided });
  }

  begin(task: ClaimedTask): void {
    this.running.begin(task);
  }

  // What follows the commit point of a fate cannot undo it, and the lock goes with it in any case.

  giveBack(task: ClaimedTask): void {
    this.#letGo(task, false);
  }

  finish(task: ClaimedTask): void {
    try {
      this.spool.files.removeSync(task.path);
    } catch (error) {
      // Its own code may have removed it.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    this.#letGo(task, task.attempts !== null || task.crashed);
  }

  defer(task: ClaimedTask, dueAt: number, attempts: Attempts | null): void {
    if (attempts) this.records.writeAttempts(task, attempts);
    this.spool.files.utimeSync(task.path, dueAt / 1000, dueAt / 1000);
    this.#letGo(task, false);
  }

  fail(task: ClaimedTask, reason: string, attempts: Attempts | null): void {
    this.#moveToFailed(task, { reason, failedAt: this.spool.clock.now(), attempts });
    this.#letGo(task, true);
  }

  /** It runs no longer. What is left of its records by an error says nothing without the task. */
  #letGo(task: ClaimedTask, forget: boolean): void {
    try {
      this.running.end(task);
      if (forget) this.records.forgetAttempts(task);
    } catch {
      // The sweep of the next start removes it.
    } finally {
      task.release();
    }
  }

  #moveToFailed(ref: TaskRef, record: FailedRecord): void {
    const { spool, records } = this;
    spool.makeDirectory(dirname(spool.failedPathOf(ref)));
    for (let number = 1;; number = number < FEW ? number + 1 : this.#newNumber(number)) {
      const to = spool.failedPathOf({ ...ref, name: failedName(ref.name, number) });
      if (!this.#isFree(to)) continue;
      // The record first: a failed task without one would not say why, a record without a task is
      // overwritten the next time.
      records.writeFailed(to, record);
      try {
        spool.files.renameToNewSync(spool.pathOf(ref), to);
        return this.unique.release(ref);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  }

  /** For a name that many have had: one that is soon free. */
  #newNumber(before: number): number {
    return Math.max(before + 1, Math.floor(this.spool.clock.now()));
  }

  /** Whether neither a task nor, as version 0.1 left them, a task with the name of its record is there. */
  #isFree(path: string): boolean {
    const record = recordPath(path);
    const isTask = (each: string) => this.spool.exists(recordPath(each));
    return !this.spool.exists(path) && !(this.spool.exists(record) && isTask(record));
  }
}
