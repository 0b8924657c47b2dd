/**
 * What an operator's command changes, whether or not the program runs. A task that somebody runs is
 * left alone: its lock is respected.
 */

import { dirname, join } from "@std/path";
import { WAITING_SECONDS } from "../task/after.ts";
import type { Claim } from "./claim.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import { dueTime, PAUSED_FILE, taskLabel, type TaskRef } from "./layout.ts";
import type { Records } from "./records.ts";
import type { RunningMarks } from "./running.ts";
import type { UniqueTasks } from "./unique_tasks.ts";
import { waitsForOthers } from "./waits.ts";
import type { Changed } from "./task.ts";

const TAKEN: Changed = { kind: "refused", reason: "a task of that name waits already" };

const haveKey = ({ name }: TaskRef): Changed => ({
  kind: "refused",
  reason: `a task with its key waits: ${taskLabel(name)}`,
});

export class OperatorChanges {
  constructor(
    private readonly spool: SpoolDirectory,
    private readonly records: Records,
    private readonly running: RunningMarks,
    private readonly unique: UniqueTasks,
  ) {}

  /** See {@link Store.retryFailed}. */
  async retryFailed(ref: TaskRef): Promise<Changed> {
    const { spool, records, running } = this;
    const from = spool.failedPathOf(ref);
    const to = spool.pathOf(ref);
    return await this.#whileClaimed(from, async (claim) => {
      const target = await spool.directoryFor(ref);
      if (spool.exists(to)) return TAKEN;
      const other = await this.unique.takeAgain(ref);
      if (other !== null) return haveKey(other);
      const time = waitsForOthers(claim) ? WAITING_SECONDS : spool.clock.now() / 1000;
      spool.files.utimeSync(from, time, time);
      records.forgetAttempts(ref);
      running.end(ref);
      try {
        spool.files.renameToNewSync(from, to);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return TAKEN;
        throw error;
      }
      records.forgetFailed(from);
      await spool.sync(target, dirname(from));
      return { kind: "changed", was: "failed" };
    });
  }

  /** See {@link Store.retryDeferred}. */
  async retryDeferred(ref: TaskRef): Promise<Changed> {
    const { clock, files } = this.spool;
    const path = this.spool.pathOf(ref);
    return await this.#whileClaimed(path, (claim) => {
      if (!this.#isDeferred(path, claim)) return { kind: "unchanged" };
      const now = clock.now() / 1000;
      files.utimeSync(path, now, now);
      return { kind: "changed", was: "deferred" };
    });
  }

  /** See {@link Store.remove}. */
  async remove(ref: TaskRef): Promise<Changed> {
    const path = this.spool.pathOf(ref);
    return await this.#whileClaimed(path, async (claim) => {
      const was = this.#isDeferred(path, claim) ? "deferred" : "ready";
      this.spool.files.removeSync(path);
      this.records.forgetAttempts(ref);
      this.running.end(ref);
      this.unique.release(ref);
      await this.spool.sync(dirname(path));
      return { kind: "changed", was };
    });
  }

  /** See {@link Store.removeFailed}. */
  async removeFailed(ref: TaskRef): Promise<Changed> {
    const path = this.spool.failedPathOf(ref);
    return await this.#whileClaimed(path, async () => {
      this.spool.files.removeSync(path);
      this.records.forgetFailed(path);
      await this.spool.sync(dirname(path));
      return { kind: "changed", was: "failed" };
    });
  }

  /** Whether an operator has stopped the work on this spool. */
  get paused(): boolean {
    return this.spool.exists(this.#pausedPath);
  }

  /** See {@link Store.pause}. */
  async pause(): Promise<boolean> {
    this.spool.prepare();
    if (this.paused) return false;
    const how = { write: true, create: true, mode: TASK_MODE };
    this.spool.files.openSync(this.#pausedPath, how).close();
    await this.spool.sync(dirname(this.#pausedPath));
    return true;
  }

  /** See {@link Store.resume}. */
  async resume(): Promise<boolean> {
    if (!this.paused) return false;
    this.spool.files.removeSync(this.#pausedPath);
    await this.spool.sync(dirname(this.#pausedPath));
    return true;
  }

  get #pausedPath(): string {
    return join(this.spool.path, PAUSED_FILE);
  }

  /** As `spooler list` says it. */
  #isDeferred(path: string, { stat }: Claim): boolean {
    const now = this.spool.clock.now();
    return dueTime(path, stat.mtimeMs, now) > now;
  }

  /** Acts on a file that nobody else has, due or not, and lets go of it. */
  async #whileClaimed(
    path: string,
    act: (claim: Claim) => Changed | Promise<Changed>,
  ): Promise<Changed> {
    const claim = this.spool.claims.claim(path, Infinity);
    switch (claim.kind) {
      case "busy":
        return { kind: "running" };
      case "gone":
        return claim;
      case "unusable":
        return { kind: "refused", reason: claim.reason };
      case "deferred":
        throw new Error(
          `claim ${path}: it is deferred until ${claim.dueAt}, a time that no clock reaches`,
        );
      case "claimed":
        try {
          return await act(claim);
        } finally {
          claim.release();
        }
      default:
        return claim satisfies never;
    }
  }
}
