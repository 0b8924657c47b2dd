/**
 * One spool directory: where its files lie, and the few things that all parts of the store do with
 * them.
 */

import { basename, dirname, join } from "node:path";
import type { SpoolLimits } from "./limits.ts";
import type { Clock, Random } from "../platform/clock.ts";
import type { DirectoryEntry, Libc, ListedFile } from "../platform/libc.ts";
import type { Claims } from "./claim.ts";
import { type Files, libcFiles, systemFiles } from "./files.ts";
import {
  ATTEMPTS_DIR,
  FAILED_DIR,
  IDENTITY_FILE,
  RUNNING_DIR,
  taskId,
  type TaskRef,
  TMP_DIR,
} from "./layout.ts";
import { DirectorySync, syncDirectory } from "./sync.ts";

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
  readonly clock: Clock;
  readonly #libc: Libc | null;
  readonly #syncs = new Map<string, DirectorySync>();

  constructor({ dir, fsync, claims, files, libc, clock }: StoreOptions) {
    this.path = dir;
    this.fsync = fsync;
    this.claims = claims;
    this.files = files ?? (libc ? libcFiles(libc) : systemFiles);
    this.clock = clock;
    this.#libc = libc;
  }

  pathOf(ref: TaskRef): string {
    return `${this.path}/${taskId(ref)}`;
  }

  failedPathOf(ref: TaskRef): string {
    return join(this.path, FAILED_DIR, taskId(ref));
  }

  exists(path: string): boolean {
    return this.claims.lstat(path) !== null;
  }

  /** What is in a directory, in pieces; nothing when it is not there. */
  list(dir: string): Iterable<readonly DirectoryEntry[]> {
    return this.#libc?.list(dir) ?? [this.#listWithDeno(dir)];
  }

  /** Like {@link list}, but only directories, and what may be one. */
  listDirectories(dir: string): Iterable<readonly DirectoryEntry[]> {
    return this.#libc?.listDirectories(dir) ??
      [this.#listWithDeno(dir).filter(({ kind }) => kind === "directory")];
  }

  /** The wanted ones among the regular files of a directory, in pieces; nothing when it is not there. */
  listFiles(dir: string, isWanted: (name: string) => boolean): Iterable<readonly ListedFile[]> {
    return this.#libc?.listFiles(dir, isWanted) ?? [this.#listFilesWithDeno(dir, isWanted)];
  }

  #listFilesWithDeno(dir: string, isWanted: (name: string) => boolean): ListedFile[] {
    return this.#listWithDeno(dir).flatMap(({ name }) => {
      const stat = isWanted(name) ? this.claims.lstat(join(dir, name)) : null;
      return stat?.kind === "file" ? [{ name, mtimeMs: stat.mtimeMs }] : [];
    });
  }

  #listWithDeno(dir: string): DirectoryEntry[] {
    if (!this.exists(dir)) return [];
    return [...Deno.readDirSync(dir)].map(({ name, isFile, isDirectory }) => ({
      name,
      kind: isFile ? "file" : isDirectory ? "directory" : "other",
    }));
  }

  /** Makes the directories that are missing. */
  async prepare(): Promise<void> {
    for (const sub of ["", TMP_DIR, ATTEMPTS_DIR, RUNNING_DIR, FAILED_DIR]) {
      await this.files.mkdir(join(this.path, sub), { recursive: true, mode: SPOOL_MODE });
    }
  }

  /** The directory a task belongs in, made when it is the first of its priority. */
  async directoryFor(ref: TaskRef): Promise<string> {
    if (ref.priority === null) return this.path;
    const dir = join(this.path, ref.priority);
    if (!this.exists(dir)) {
      await this.files.mkdir(dir, { recursive: true, mode: SPOOL_MODE });
      await this.sync(this.path);
    }
    return dir;
  }

  /** Makes a sub-directory that need not be durable before what is then put into it. */
  makeSync(dir: string): void {
    this.files.mkdirSync(dir, { recursive: true, mode: SPOOL_MODE });
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
  async identity(random: Random): Promise<string> {
    const path = join(this.path, IDENTITY_FILE);
    const known = this.exists(path) ? Deno.readTextFileSync(path).trim() : "";
    if (/^[0-9a-f]{32}$/.test(known)) return known;
    const digits = () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
    const made = digits() + digits() + digits() + digits();
    this.replaceFile(path, `${made}\n`);
    await this.sync(dirname(path));
    return made;
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

  writeJson(path: string, value: unknown): void {
    this.replaceFile(path, `${JSON.stringify(value)}\n`);
  }

  /** Replaces a file as a whole: written beside, synced, renamed. */
  replaceFile(path: string, text: string): void {
    const tmp = join(this.path, TMP_DIR, `${basename(path)}.${Deno.pid}`);
    {
      using file = this.files.openSync(tmp, {
        write: true,
        create: true,
        truncate: true,
        mode: TASK_MODE,
      });
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      if (this.fsync) file.syncSync();
    }
    this.files.renameSync(tmp, path);
  }
}
