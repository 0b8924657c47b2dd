/**
 * What happens to a task that a program runs: it is claimed, it begins, and it is done, deferred,
 * failed or given back. Each has one system call for its commit point: unlink, utime, rename, none.
 */

import { dirname } from "node:path";
import type { Stat } from "../platform/stat.ts";
import type { SpoolDirectory } from "./directory.ts";
import { failedName, recordPath, type TaskRef } from "./layout.ts";
import type { Records } from "./records.ts";
import type { RunningMarks } from "./running.ts";
import type { Attempts, Claimed, ClaimedTask, FailedRecord } from "./task.ts";
import { readTask } from "./task_file.ts";

/** A file that is too short and has not changed for this long is damaged, not half-written. */
export const HALF_WRITTEN_MS = 60_000;

/** Names that are tried one after the other in failed/. */
const FEW = 10;

/** Short files remembered; what is forgotten costs one more claim in vain. */
const MOST_SHORT = 10_000;

export class Transitions {
  /**
   * Files that were too short when they were claimed, with their size and ctime. Letting go of one is an
   * event for whoever watches the directory, and leads to the next claim: which only opens it again
   * when it has changed.
   */
  readonly #short = new Map<string, { readonly state: string; readonly reason: string }>();

  constructor(
    private readonly spool: SpoolDirectory,
    private readonly records: Records,
    private readonly running: RunningMarks,
  ) {}

  /** See {@link Store.claim}. */
  claim(ref: TaskRef): Claimed {
    const path = this.spool.pathOf(ref);
    const now = this.spool.clock.now();
    const short = this.#short.get(path);
    if (short && this.#isUnchanged(path, short.state, now)) {
      return { kind: "incomplete", reason: short.reason };
    }
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
            crashed: this.running.hasCrashed(ref),
            release: () => claim.release(),
          };
        case "short":
          if (now - claim.stat.ctimeMs < HALF_WRITTEN_MS) {
            if (this.#short.size >= MOST_SHORT) this.#short.clear();
            this.#short.set(path, { state: stateOf(claim.stat), reason: read.reason });
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

  /** Whether a short file is as it was, and could still be half-written. */
  #isUnchanged(path: string, state: string, now: number): boolean {
    const stat = this.spool.claims.lstat(path);
    if (stat && now - stat.ctimeMs < HALF_WRITTEN_MS && stateOf(stat) === state) return true;
    this.#short.delete(path);
    return false;
  }

  begin(task: ClaimedTask): void {
    this.running.begin(task);
  }

  giveBack(task: ClaimedTask): void {
    this.running.end(task);
    task.release();
  }

  finish(task: ClaimedTask): void {
    this.spool.files.removeSync(task.path);
    this.running.end(task);
    if (task.attempts || task.crashed) this.records.forgetAttempts(task);
    task.release();
  }

  defer(task: ClaimedTask, dueAt: number, attempts: Attempts | null): void {
    if (attempts) this.records.writeAttempts(task, attempts);
    this.spool.files.utimeSync(task.path, dueAt / 1000, dueAt / 1000);
    this.running.end(task);
    task.release();
  }

  fail(task: ClaimedTask, reason: string, attempts: Attempts | null): void {
    this.#moveToFailed(task, { reason, failedAt: this.spool.clock.now(), attempts });
    this.records.forgetAttempts(task);
    this.running.end(task);
    task.release();
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
        return spool.files.renameToNewSync(spool.pathOf(ref), to);
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

function stateOf({ identity, size, ctimeMs }: Stat): string {
  return `${identity} ${size} ${ctimeMs}`;
}
