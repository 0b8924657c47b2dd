/**
 * Claims of tasks that are the only ones with their key: no lock, and nothing that a death leaves behind is
 * in anybody's way. Whoever puts tasks into a directory does it like this, the program, commands and
 * clients (docs/spool-format.md, "unique").
 *
 * `.spooler/unique/HASH/` has one file, whose name says whose claim it is. Two calls of the system decide,
 * each for one of all who try:
 *
 * - a directory with its file in it is renamed to HASH, which the system does while there is none, or an
 *   empty one;
 * - the file is renamed from its old task to its new one, which it does while it has the old name.
 *
 * The task's file is whole in `tmp/` before that, so that a claim is as good as the task: who finds a
 * claim whose task is still in `tmp/` gives the task its name. A claim whose task is neither there nor in
 * the queue is void.
 */

import { entryName, entryOf, isHash, type UniqueEntry, type UniqueWish } from "./unique.ts";

type Eventually<T> = T | Promise<T>;

/** What is done on disk; paths are whole. */
export interface UniqueDisk {
  /** Names in a directory; none when it is not there. */
  list(dir: string): Eventually<readonly string[]>;
  exists(path: string): Eventually<boolean>;
  /** Makes a directory with those above it, where they are missing. */
  makeDirectory(path: string): Eventually<void>;
  makeEmptyFile(path: string): Eventually<void>;
  /** False when there is nothing of that name, or the new one is a directory that has files. */
  rename(from: string, to: string): Eventually<boolean>;
  /** Removes a file, if it is there. */
  remove(path: string): Eventually<void>;
  /** Removes a directory, if it is there and empty. */
  removeDirectory(path: string): Eventually<void>;
  /** Whether a process has locked the file, as who runs a task does. */
  isRunning(path: string): Eventually<boolean>;
  /** Makes the directory of its priority, and says where a task's file is to be. */
  placeFor(id: string): Eventually<string>;
  /** A task that another has replaced is gone. */
  replaced(id: string): Eventually<void>;
}

const UNIQUE_SUBDIR = ".spooler/unique";
const TMP_SUBDIR = ".spooler/tmp";
/** Each lost try is somebody else's success. */
const MOST_TRIES = 10_000;

interface Holder extends UniqueEntry {
  /** The name of its file in the directory of the key. */
  readonly entry: string;
  readonly place: "tmp" | "queue" | "gone";
}

export type Taken =
  | {
    readonly kind: "taken";
    /** Another that waits is to go for it. */
    readonly replaces: boolean;
  }
  /** Another one stands for it. */
  | { readonly kind: "stands"; readonly id: string };

interface SettledHolder extends Holder {
  readonly isRunning: boolean;
}

/**
 * Whether somebody has locked the file of an inode, as who runs a task does. By the list of the kernel,
 * because to open and close the file would drop a lock that this process has.
 *
 * @param locks what /proc/locks says
 */
export function isInLocks(locks: string, inode: number | bigint): boolean {
  const end = `:${inode} `;
  return locks.split("\n").some((line) => line.includes(end) && /POSIX .* WRITE/.test(line));
}

/** The file that says that a task has the claim. */
export function claimPath(dir: string, hash: string, id: string): string {
  return `${dir}/${UNIQUE_SUBDIR}/${hash}/${entryName({ id, replaces: null })}`;
}

export class UniqueClaims {
  constructor(private readonly dir: string, private readonly disk: UniqueDisk) {}

  /** The task that stands for one with this wish, which then need not be written; null when none does. */
  async standIn(wish: UniqueWish): Promise<string | null> {
    const holder = await this.#settled(wish.hash);
    return holder !== null && this.#stays(holder, wish) ? holder.id : null;
  }

  /**
   * Takes the claim for a task whose file is whole in `tmp/`, or finds out whose it is. One that is taken is
   * to be completed.
   *
   * From then on it has been put: one that takes the place of another must not be taken back.
   */
  async take(wish: UniqueWish, id: string): Promise<Taken> {
    const dir = this.#dirOf(wish.hash);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const holder = await this.#settled(wish.hash, id);
      if (holder?.id === id) return { kind: "taken", replaces: holder.replaces !== null };
      if (holder === null) {
        if (await this.#found(wish.hash, id)) return { kind: "taken", replaces: false };
        continue;
      }
      if (this.#stays(holder, wish)) return { kind: "stands", id: holder.id };
      const replaces = holder.place === "queue" && !holder.isRunning ? holder.id : null;
      const own = entryName({ id, replaces });
      if (await this.disk.rename(`${dir}/${holder.entry}`, `${dir}/${own}`)) {
        return { kind: "taken", replaces: replaces !== null };
      }
    }
    throw new Error(`the claim of ${id} is contested: ${MOST_TRIES} tries`);
  }

  /** Whether a task with this wish is not to be put while this one has the claim. */
  #stays(holder: SettledHolder, wish: UniqueWish): boolean {
    if (holder.place === "gone") return false;
    return holder.isRunning ? wish.until === "done" : wish.mode === "keep";
  }

  /** Who has the claim of a key, in the queue if it is not void. @param own is left as it is */
  async #settled(hash: string, own?: string): Promise<SettledHolder | null> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const holder = await this.#holder(hash);
      if (holder === null || holder.id === own) {
        return holder && { ...holder, isRunning: false };
      }
      if (holder.place !== "gone" && (holder.place === "tmp" || holder.replaces !== null)) {
        await this.#complete(hash, holder);
      } else if (holder.replaces !== null) await this.#passBack(hash, holder);
      else {
        const isRunning = holder.place === "queue" &&
          await this.disk.isRunning(`${this.dir}/${holder.id}`);
        return { ...holder, isRunning };
      }
    }
    throw new Error(`the claim of ${hash} is contested: ${MOST_TRIES} tries`);
  }

  /** What was to take the place of another is gone without that: the other has the claim again. */
  async #passBack(hash: string, { entry, replaces }: Holder): Promise<void> {
    const dir = this.#dirOf(hash);
    const old = entryName({ id: replaces ?? "", replaces: null });
    await this.disk.rename(`${dir}/${entry}`, `${dir}/${old}`);
  }

  #dirOf(hash: string): string {
    return `${this.dir}/${UNIQUE_SUBDIR}/${hash}`;
  }

  /** Makes the directory of a key with its claim in it; false when somebody else has. */
  async #found(hash: string, id: string): Promise<boolean> {
    const { disk } = this;
    const own = entryName({ id, replaces: null });
    const dir = this.#dirOf(hash);
    // No hash, so that nobody takes it for the directory of a key.
    const made = `${dir}.${own}`.slice(0, dir.length + 200);
    await disk.makeDirectory(made);
    await disk.makeEmptyFile(`${made}/${own}`);
    if (await disk.rename(made, dir)) return true;
    await disk.remove(`${made}/${own}`);
    await disk.removeDirectory(made);
    return false;
  }

  /** Who has the claim of a key; null when nobody has. */
  async #holder(hash: string): Promise<Holder | null> {
    let stale: Holder | null = null;
    // A list that is made during a rename may have both names.
    for (const entry of await this.disk.list(this.#dirOf(hash))) {
      const read = entryOf(entry, hash);
      if (read === null) continue;
      const holder: Holder = { ...read, entry, place: await this.#placeOf(read.id) };
      if (holder.place !== "gone") return holder;
      stale = holder;
    }
    return stale;
  }

  /** In the order in which a file moves, so that it is not missed. */
  async #placeOf(id: string): Promise<Holder["place"]> {
    if (await this.disk.exists(this.#tmpOf(id))) return "tmp";
    return await this.disk.exists(`${this.dir}/${id}`) ? "queue" : "gone";
  }

  #tmpOf(id: string): string {
    return `${this.dir}/${TMP_SUBDIR}/${id.slice(id.indexOf("/") + 1)}`;
  }

  /** Gives a task that has its claim its name, when what it replaces is gone. */
  async complete(hash: string, id: string): Promise<void> {
    const holder = await this.#holder(hash);
    if (holder?.id === id) await this.#complete(hash, holder);
  }

  /** Each step may be done by several, and by whoever comes after a death. */
  async #complete(hash: string, { entry, id, replaces }: Holder): Promise<void> {
    const { disk } = this;
    // What has started runs to its end beside its successor.
    if (replaces !== null && !await disk.isRunning(`${this.dir}/${replaces}`)) {
      await disk.remove(`${this.dir}/${replaces}`);
      await disk.replaced(replaces);
    }
    const tmp = this.#tmpOf(id);
    for (let tries = 0; await disk.exists(tmp); tries++) {
      // The directory of a priority may be removed at this moment, as it is empty.
      if (tries === MOST_TRIES) throw new Error(`${tmp} cannot be given its name`);
      await disk.rename(tmp, await disk.placeFor(id));
    }
    if (replaces === null) return;
    const dir = this.#dirOf(hash);
    await disk.rename(`${dir}/${entry}`, `${dir}/${entryName({ id, replaces: null })}`);
  }

  /** A task will not come: its claim goes, if it still has it. */
  async release(hash: string, id: string): Promise<void> {
    await this.disk.remove(claimPath(this.dir, hash, id));
    await this.disk.removeDirectory(this.#dirOf(hash));
  }

  /** Completes what a death has left in `tmp/` with its claim. @param name of a file there */
  async recover(hash: string, name: string): Promise<void> {
    const holder = await this.#holder(hash);
    if (holder?.place === "tmp" && holder.id.endsWith(name)) await this.#complete(hash, holder);
  }

  /**
   * Removes what nobody needs: void claims, and what a death has left of one.
   *
   * @param name in `.spooler/unique/`
   */
  async sweep(name: string): Promise<void> {
    const { disk } = this;
    const dir = `${this.dir}/${UNIQUE_SUBDIR}/${name}`;
    for (const entry of await disk.list(dir)) {
      const read = isHash(name) ? entryOf(entry, name) : null;
      const tasks = read === null ? [] : [read.id, read.replaces ?? read.id];
      const places = await Promise.all(tasks.map((id) => this.#placeOf(id)));
      if (places.every((place) => place === "gone")) await disk.remove(`${dir}/${entry}`);
    }
    await disk.removeDirectory(dir);
  }
}
