/**
 * The claims of tasks that are the only ones with their key, in a spool of this program: what
 * src/task/unique_claims.ts does, through the store's own files.
 */

import { dirname, join } from "@std/path";
import { textOf } from "../platform/quietly.ts";
import type { Stat } from "../platform/stat.ts";
import { hashInName, type UniqueWish } from "../task/unique.ts";
import {
  claimPath,
  isInLocks,
  type Taken,
  UniqueClaims,
  type UniqueDisk,
} from "../task/unique_claims.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import { refOf, taskId, type TaskRef, TMP_DIR, UNIQUE_DIR } from "./layout.ts";

/** Nobody takes so long between two steps. */
const STALE_MS = 60_000;
const DIRECTORY_MODE = 0o750;
const NOTHING = new Uint8Array(0);

export class UniqueTasks {
  readonly #claims: UniqueClaims;

  /** @param replaced is called with the id of a task that gave way to a later one */
  constructor(private readonly spool: SpoolDirectory, replaced: (id: string) => void) {
    this.#claims = new UniqueClaims(spool.path, diskOf(spool, replaced));
  }

  /** The task that stands for one with this wish; null when that one is to be put. */
  async standIn(wish: UniqueWish): Promise<TaskRef | null> {
    const id = await this.#claims.standIn(wish);
    return id === null ? null : await this.standing(id);
  }

  /** Claims the key for a task whose file is whole in tmp. */
  async take(wish: UniqueWish, ref: TaskRef): Promise<Taken> {
    return await this.#claims.take(wish, taskId(ref));
  }

  /** Its name is on disk when this resolves, as that of a task that was put. */
  async standing(id: string): Promise<TaskRef> {
    await this.spool.sync(dirname(this.spool.pathOf(refOf(id))));
    return refOf(id);
  }

  /** Gives a task that has its claim its name. */
  async complete(wish: UniqueWish, ref: TaskRef): Promise<void> {
    await this.#claims.complete(wish.hash, taskId(ref));
  }

  /** A task has ended. Costs those without a key a look at their name. */
  release(ref: TaskRef): void {
    const hash = hashInName(ref.name);
    if (hash === null) return;
    const path = claimPath(this.spool.path, hash, taskId(ref));
    try {
      this.spool.removeIfThere(path);
      this.spool.files.removeDirectorySync(dirname(path));
    } catch {
      // It is void all the same, and swept.
    }
  }

  /**
   * A task from failed/ is to wait again.
   *
   * @returns the task that has its key meanwhile; null when it has the claim
   */
  async takeAgain(ref: TaskRef): Promise<TaskRef | null> {
    const hash = hashInName(ref.name);
    if (hash === null) return null;
    const taken = await this.#claims.take({ hash, until: "start", mode: "keep" }, taskId(ref));
    return taken.kind === "taken" ? null : refOf(taken.id);
  }

  /** Gives tasks their names that a program died over. To be done before tmp is swept. */
  async recover(): Promise<void> {
    for (const entries of this.spool.entries.list(join(this.spool.path, TMP_DIR))) {
      for (const { name } of entries) {
        const hash = hashInName(name);
        if (hash !== null) await this.#claims.recover(hash, name);
      }
    }
  }

  /** Removes void claims, one for each turn. */
  async *sweep(): AsyncGenerator<void> {
    const dir = join(this.spool.path, UNIQUE_DIR);
    for (const entries of this.spool.entries.list(dir)) {
      for (const { name } of entries) {
        const stat = this.spool.claims.lstat(join(dir, name));
        if (stat === null || this.spool.clock.now() - stat.ctimeMs < STALE_MS) continue;
        await this.#claims.sweep(name);
        yield;
      }
    }
  }
}

function diskOf(spool: SpoolDirectory, replaced: (id: string) => void): UniqueDisk {
  const list = (dir: string) => [...spool.entries.list(dir)].flat().map(({ name }) => name);
  const exists = (path: string) => spool.exists(path);
  return {
    list,
    exists,
    makeDirectory(path) {
      if (!exists(dirname(path))) spool.makeDirectory(dirname(path));
      spool.files.mkdirSync(path, DIRECTORY_MODE);
    },
    makeEmptyFile: (path) => spool.files.createSync(path, NOTHING, { mode: TASK_MODE, time: null }),
    rename(from, to) {
      try {
        spool.files.renameSync(from, to);
        return true;
      } catch (error) {
        if (!exists(from) || !exists(dirname(to)) || list(to).length > 0) return false;
        throw error;
      }
    },
    remove: (path) => spool.removeIfThere(path),
    removeDirectory: (path) => void spool.files.removeDirectorySync(path),
    isRunning(path) {
      const stat = spool.claims.lstat(path);
      return stat !== null && isInLocks(textOf("/proc/locks") ?? "", inodeOf(stat));
    },
    placeFor: async (id) => {
      const ref = refOf(id);
      return join(await spool.directoryFor(ref), ref.name);
    },
    replaced,
  };
}

function inodeOf({ identity }: Stat): bigint {
  const [low = "0", high = "0"] = identity.split(":").reverse();
  return identity.split(":").length < 3 ? BigInt(low) : (BigInt(high) << 32n) + BigInt(low);
}
