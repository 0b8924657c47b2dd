/**
 * One spool directory: where its files lie, and the few things that all parts of the store do with
 * them.
 */

import { basename, dirname, join } from "@std/path";
import type { Clock, Random } from "../platform/clock.ts";
import { type Libc, SystemError } from "../platform/libc.ts";
import { W_OK, X_OK } from "../platform/linux.ts";
import type { Claims } from "./claim.ts";
import { Entries } from "./entries.ts";
import { type Files, systemFiles, writeAllSync } from "./files.ts";
import {
  ATTEMPTS_DIR,
  FAILED_DIR,
  IDENTITY_FILE,
  RUNNING_DIR,
  STATE_DIR,
  taskId,
  type TaskRef,
  TMP_DIR,
} from "./layout.ts";
import type { SpoolLimits } from "./limits.ts";
import type { JournalSettings } from "./store_journal.ts";
import { checkPresence, type Presence } from "./presence.ts";
import { SpoolRoot } from "./root.ts";
import { RootFiles } from "./root_files.ts";
import { MOST_RECORD_BYTES, readSmallFile } from "./small_file.ts";
import { DirectorySync, syncDirectory, syncDirectoryNow } from "./sync.ts";

/** What a reload may change of an open store. */
export interface StoreSettings {
  readonly fsync: boolean;
  /** When to refuse new tasks; absent is never. */
  readonly limits?: SpoolLimits;
  /** How long ids of tasks from peers are known; absent for a store that takes none from them. */
  readonly dedupWindowMs?: number;
}

export interface StoreOptions extends StoreSettings {
  readonly dir: string;
  /** Absent for a store that syncs each task itself. */
  readonly journal?: JournalSettings;
  readonly claims: Claims;
  /** Absent is the machine's own. */
  readonly files?: Files;
  /** Null where libc cannot be called. */
  readonly libc: Libc | null;
  readonly clock: Clock;
  readonly random: Random;
}

const SPOOL_MODE = 0o750;
/** Of every file in a spool: a task's data is nobody else's. */
export const TASK_MODE = 0o600;

export class SpoolDirectory {
  readonly path: string;
  /** Whether files and directories are synced. */
  fsync: boolean;
  readonly claims: Claims;
  readonly files: Files;
  readonly entries: Entries;
  readonly clock: Clock;
  /** Null where libc cannot be called: then paths are taken as they are. */
  readonly root: SpoolRoot | null;
  readonly random: Random;
  readonly #syncs = new Map<string, DirectorySync>();
  /** Priorities whose own names are on disk, or soon will be. */
  readonly #priorities = new Map<string, Promise<void>>();
  #presence: Presence | null = null;

  constructor({ dir, fsync, claims, files, libc, clock, random }: StoreOptions) {
    this.path = dir;
    this.fsync = fsync;
    this.root = libc && hasProc() ? new SpoolRoot(libc, dir) : null;
    this.claims = this.root ? claims.within(this.root) : claims;
    this.entries = new Entries(this.root, this.claims);
    this.files = files ?? (this.root ? new RootFiles(this.root) : systemFiles);
    this.clock = clock;
    this.random = random;
  }

  pathOf(ref: TaskRef): string {
    return `${this.path}/${taskId(ref)}`;
  }

  failedPathOf(ref: TaskRef): string {
    return join(this.path, FAILED_DIR, taskId(ref));
  }

  /** Why no file could be removed from a directory; null where nothing is known to forbid it. */
  whyUnwritable(dir: string): string | null {
    const errno = this.root?.libc.access(dir, W_OK | X_OK) ?? 0;
    return errno === 0 ? null : new SystemError("write to", dir, -errno).message;
  }

  exists(path: string): boolean {
    return this.claims.lstat(path) !== null;
  }

  /**
   * Makes the directories that are missing, and puts their names on disk.
   *
   * @returns whether the spool directory itself was made
   * @throws {Error} when they cannot be made, belong to somebody else, or their file system is gone
   */
  prepare(): boolean {
    // What runs goes on in the directory that is held, until there is another to be used.
    checkPresence(this.path, this.#presence);
    this.root?.release();
    const made = this.#makeWithParents(this.path);
    // Somebody else may just have made it.
    if (!made && this.#presence === null) this.#syncName(this.path);
    this.#presence = this.#presenceNow();
    for (const sub of [STATE_DIR, TMP_DIR, ATTEMPTS_DIR, RUNNING_DIR, FAILED_DIR]) {
      this.makeDirectory(join(this.path, sub));
      this.#checkOwner(join(this.path, sub));
    }
    return made;
  }

  #presenceNow(): Presence | null {
    const stat = this.root ? this.root.stat : this.claims.lstat(this.path);
    return stat && { identity: stat.identity, device: stat.device };
  }

  /** Which directory it was when it was prepared; null before. */
  get presence(): Presence | null {
    return this.#presence;
  }

  /** Why the path no longer leads to the directory that was prepared; null when it does, or none was. */
  absence(): string | null {
    if (!this.#presence) return null;
    const stat = this.root ? this.root.libc.stat(this.path) : this.claims.lstat(this.path);
    if (stat === null) return "the directory was deleted or moved";
    if (stat.device !== this.#presence.device) return "another file system is in its place";
    return stat.identity === this.#presence.identity ? null : "another directory is in its place";
  }

  #checkOwner(path: string): void {
    const stat = this.claims.lstat(path);
    if (!stat || this.claims.trusts(stat.uid)) return;
    throw new Error(
      `${path} belongs to user ${stat.uid}: it must belong to this user, to the owner of the spool, or to root`,
    );
  }

  /** Makes a directory with those above it; each that is made is on disk when this returns. */
  #makeWithParents(path: string): boolean {
    const parent = dirname(path);
    try {
      if (Deno.statSync(path).isDirectory) return false;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (parent !== path) this.#makeWithParents(parent);
    }
    return this.makeDirectory(path);
  }

  /** Makes a directory when it is missing; its name is then on disk, unless fsync is off. */
  makeDirectory(path: string): boolean {
    const made = this.files.mkdirSync(path, SPOOL_MODE);
    if (made) this.#syncName(path);
    return made;
  }

  /** Puts a directory and its name on disk. */
  #syncName(path: string): void {
    if (!this.fsync) return;
    syncDirectoryNow(path, this.files);
    try {
      // Above the spool there is nothing that is held: its parent is synced by its path.
      syncDirectoryNow(dirname(path), path === this.path ? systemFiles : this.files);
    } catch (error) {
      // This user may not be allowed to list it, and then has not made anything in it.
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }

  /** The directory a task belongs in, made when it is the first of its priority. */
  async directoryFor(ref: TaskRef): Promise<string> {
    if (ref.priority === null) return this.path;
    const dir = join(this.path, ref.priority);
    const made = this.files.mkdirSync(dir, SPOOL_MODE);
    const known = made ? undefined : this.#priorities.get(dir);
    if (known) {
      await known;
      return dir;
    }
    // Whichever process made it: a task in it is on disk when the directory is.
    const durable = this.sync(dir, this.path);
    this.#priorities.set(dir, durable);
    durable.catch(() => this.#priorities.delete(dir));
    await durable;
    return dir;
  }

  /** Removes the directory of a priority when it is empty. */
  removePriority(priority: string): boolean {
    const dir = join(this.path, priority);
    if (!this.files.removeDirectorySync(dir)) return false;
    this.#priorities.delete(dir);
    this.#syncs.delete(dir);
    return true;
  }

  /** Resolves when the names in these directories are on disk; at once when fsync is off. */
  async sync(...dirs: readonly string[]): Promise<void> {
    if (this.fsync) await Promise.all(dirs.map((dir) => this.#syncOf(dir).commit()));
  }

  #syncOf(dir: string): DirectorySync {
    let sync = this.#syncs.get(dir);
    if (!sync) {
      sync = new DirectorySync(dir, (each) => syncDirectory(each, this.files));
      this.#syncs.set(dir, sync);
    }
    return sync;
  }

  /**
   * A name of this spool that no other has: 32 hex digits, made when they are asked for the first time.
   * It lies in the directory and goes wherever that goes, to a machine of another name too.
   */
  async identity(): Promise<string> {
    const path = join(this.path, IDENTITY_FILE);
    const known = this.readText(path)?.trim() ?? "";
    if (/^[0-9a-f]{32}$/.test(known)) return known;
    const digits = () => Math.floor(this.random() * 2 ** 32).toString(16).padStart(8, "0");
    const made = digits() + digits() + digits() + digits();
    this.replaceFile(path, `${made}\n`);
    await this.sync(dirname(path));
    return made;
  }

  /** A file of the program's own; null when it is not there, too long, or not to be believed. */
  readText(path: string, mostBytes = MOST_RECORD_BYTES): string | null {
    return readSmallFile(this.claims, path, mostBytes);
  }

  /** Removes a file that may be missing, or that another program removes at the same time. */
  removeIfThere(path: string): void {
    if (!this.exists(path)) return;
    try {
      this.files.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Replaces a file as a whole: written beside, synced, renamed. Each part of its text is one write. */
  replaceFile(path: string, text: string | Iterable<string>): void {
    const unique = Math.floor(this.random() * 2 ** 31);
    const tmp = join(
      this.path,
      TMP_DIR,
      `record_${basename(path).slice(-100)}.${Deno.pid}.${unique}`,
    );
    try {
      {
        using file = this.files.openSync(tmp, { write: true, createNew: true, mode: TASK_MODE });
        for (const part of typeof text === "string" ? [text] : text) {
          writeAllSync(file, new TextEncoder().encode(part));
        }
        if (this.fsync) file.syncSync();
      }
      this.files.renameSync(tmp, path);
    } catch (error) {
      this.#removeQuietly(tmp);
      throw error;
    }
  }

  #removeQuietly(path: string): void {
    try {
      this.removeIfThere(path);
    } catch {
      // It is swept at a later start.
    }
  }

  close(): void {
    this.root?.release();
  }
}

let proc: boolean | undefined;

/** Whether /proc says by which descriptors this process holds its files: a container may have none. */
function hasProc(): boolean {
  try {
    return proc ??= Deno.statSync("/proc/self/fd").isDirectory;
  } catch {
    return proc = false;
  }
}
