/**
 * The store: the only code that creates, renames, touches or removes a file in a spool directory.
 *
 * Commit points: a task is accepted when `put` returns (file synced, renamed, directory synced);
 * it is done when its name is unlinked; it is deferred when its mtime is set; it is failed when it is
 * renamed into failed/. Each is one system call, so that a crash leaves the task before or after.
 */

import { statfsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { SpoolLimits } from "../config/config.ts";
import type { Clock, Random } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import {
  decodeHeader,
  decodeVars,
  encodePacket,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  type Var,
} from "../uwsgi/packet.ts";
import type { Claim, Claims, Unclaimed } from "./claim.ts";
import { type Files, type OpenFile, systemFiles } from "./files.ts";
import {
  ATTEMPTS_DIR,
  FAILED_DIR,
  isPriorityName,
  isTaskName,
  PAUSED_FILE,
  RECORD_ENDING,
  RUNNING_DIR,
  taskId,
  taskName,
  type TaskRef,
  TMP_DIR,
} from "./layout.ts";
import { DirectorySync, syncDirectory } from "./sync.ts";

/** The spool takes no more tasks for now; the message says which limit it is. */
export class SpoolFullError extends Error {
  override name = "SpoolFullError";
}

/** A task before it has a file. */
export interface NewTask {
  readonly vars: readonly Var[];
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Not before this time, in milliseconds since the epoch. */
  readonly at?: number;
  /** 0 or more; lower runs first. */
  readonly priority?: number;
}

/** A task as a scan found it. */
export interface SeenTask extends TaskRef {
  /** Its mtime: not to run before, in milliseconds since the epoch. */
  readonly dueAt: number;
}

/** What is known of a task's earlier, failed runs. */
export interface Attempts {
  /** Runs that failed. */
  readonly failures: number;
  /** Milliseconds since the epoch, as is the next. */
  readonly firstFailureAt: number;
  readonly lastFailureAt: number;
  readonly reason: string;
  /** The end of what the last failed run wrote to stderr. */
  readonly stderr: string;
  /** Runs during which the program itself died; the first is not held against the task. */
  readonly crashes?: number;
}

/** A claimed task, read and understood. Its file stays locked until it is released. */
export interface ClaimedTask extends TaskRef {
  readonly kind: "claimed";
  readonly path: string;
  readonly vars: readonly Var[];
  readonly bodySize: number;
  /** Reads the body from `offset` on; fewer bytes only at its end. */
  readBody(into: Uint8Array<ArrayBuffer>, offset: number): number;
  readonly attempts: Attempts | null;
  /** The program that ran it last died meanwhile. */
  readonly crashed: boolean;
  /** Lets go of the lock; the task stays in whatever state it then has. */
  release(): void;
}

/** What a claim of a task can come to. */
export type Claimed =
  | ClaimedTask
  | Unclaimed
  /** Half-written, perhaps: too short for what its header says. Left alone. */
  | { readonly kind: "incomplete"; readonly reason: string }
  /** Not a task at all; it was moved to failed/. */
  | { readonly kind: "damaged"; readonly reason: string };

/** What came of an operator's wish for one task. */
export type Changed =
  | { readonly kind: "changed" }
  /** It is already as it was wished to be. */
  | { readonly kind: "unchanged" }
  /** Somebody runs it, or writes it: it was left alone. */
  | { readonly kind: "running" }
  | { readonly kind: "gone" }
  | { readonly kind: "refused"; readonly reason: string };

export interface StoreOptions {
  readonly dir: string;
  readonly fsync: boolean;
  /** When to refuse new tasks; absent is never. */
  readonly limits?: SpoolLimits;
  readonly claims: Claims;
  /** Absent is the machine's own. */
  readonly files?: Files;
  /** Null where libc cannot be called. */
  readonly libc: Libc | null;
  readonly clock: Clock;
  readonly random: Random;
}

/** A file that is too short and has not changed for this long is damaged, not half-written. */
const HALF_WRITTEN_MS = 60_000;
const NO_LIMITS: SpoolLimits = { maxFiles: null, minFreeBytes: null };
const SPOOL_MODE = 0o750;
const TASK_MODE = 0o600;

export class Store {
  readonly dir: string;
  readonly #options: StoreOptions;
  readonly #files: Files;
  readonly #syncs = new Map<string, DirectorySync>();
  #counter = 0;
  /** Tasks that may come before they have to be counted again, for spooler-max-files. */
  #roomLeft = 0;

  private constructor(options: StoreOptions) {
    this.dir = options.dir;
    this.#options = options;
    this.#files = options.files ?? systemFiles;
  }

  /**
   * Opens a spool directory and makes what is missing of it.
   *
   * @throws {Deno.errors} when it cannot be made or written to
   */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    await store.prepare();
    return store;
  }

  /** The store of a directory that is taken as it is: nothing is made. */
  static on(options: StoreOptions): Store {
    return new Store(options);
  }

  /** Makes the directories that are missing. */
  async prepare(): Promise<void> {
    for (const sub of ["", TMP_DIR, ATTEMPTS_DIR, RUNNING_DIR, FAILED_DIR]) {
      await this.#files.mkdir(join(this.dir, sub), { recursive: true, mode: SPOOL_MODE });
    }
  }

  /**
   * Removes what nobody needs any more: files in tmp whose writer died (nobody was told that these
   * were accepted), and marks of runs whose task is gone. Returns how many half-written files there
   * were.
   */
  sweep(): number {
    const stale = (path: string): boolean => {
      const stat = this.#options.claims.lstat(path);
      return stat !== null && this.#options.clock.now() - stat.ctimeMs >= HALF_WRITTEN_MS;
    };
    for (const path of this.#pathsIn(RUNNING_DIR)) {
      const id = basename(path).replace(/^([0-9]+)_/, "$1/");
      if (stale(path) && !this.#exists(join(this.dir, id))) this.#files.removeSync(path);
    }
    const left = this.#pathsIn(TMP_DIR).filter(stale);
    for (const path of left) this.#files.removeSync(path);
    return left.length;
  }

  #pathsIn(sub: string): string[] {
    return [...Deno.readDirSync(join(this.dir, sub))].map(({ name }) => join(this.dir, sub, name));
  }

  /**
   * Accepts a task: when this resolves it is in the directory and, unless fsync is off, on disk.
   * When it throws the directory is as it was.
   *
   * @returns its name
   * @throws {SpoolFullError} when the spool's limits are reached
   * @throws {PacketError} when the vars do not fit into a packet
   * @throws {Deno.errors} when the disk is full, the directory gone, …
   */
  async put(task: NewTask): Promise<TaskRef> {
    const { clock, random, fsync } = this.#options;
    this.#checkRoom();
    const packet = encodePacket(task.vars, MODIFIER_SPOOL);
    const name = taskName({
      host: Deno.hostname(),
      pid: Deno.pid,
      counter: ++this.#counter,
      random: Math.floor(random() * 2 ** 31),
      now: clock.now(),
    });
    const ref: TaskRef = {
      name,
      priority: task.priority === undefined ? null : String(task.priority),
    };
    const tmp = join(this.dir, TMP_DIR, name);
    let written = tmp;
    try {
      using file = await this.#files.open(tmp, { write: true, createNew: true, mode: TASK_MODE });
      await writeAll(file, packet);
      if (task.body instanceof Uint8Array) await writeAll(file, task.body);
      else if (task.body) { for await (const chunk of task.body) await writeAll(file, chunk); }
      if (task.at !== undefined) await file.utime(task.at / 1000, task.at / 1000);
      if (fsync) await file.sync();
      const target = await this.#directoryOf(ref);
      await this.#files.rename(tmp, join(target, name));
      written = join(target, name);
      if (fsync) await this.#sync(target);
    } catch (error) {
      // Not durable is not accepted: the peer will send it again.
      await this.#files.remove(written).catch(() => {});
      throw error;
    }
    return ref;
  }

  /** @throws {SpoolFullError} */
  #checkRoom(): void {
    const { maxFiles, minFreeBytes } = this.#options.limits ?? NO_LIMITS;
    if (minFreeBytes !== null) {
      const { bavail, bsize } = statfsSync(this.dir);
      if (bavail * bsize < minFreeBytes) {
        throw new SpoolFullError(
          `less than ${minFreeBytes} bytes are free (spooler-min-free): ${bavail * bsize}`,
        );
      }
    }
    if (maxFiles === null || this.#roomLeft-- > 0) return;
    // Others put and take files, too: what was counted once is only good for as many puts.
    const count = this.#countUpTo(maxFiles);
    if (count >= maxFiles) {
      throw new SpoolFullError(`it holds ${maxFiles} tasks (spooler-max-files)`);
    }
    this.#roomLeft = Math.floor((maxFiles - count - 1) / 2);
  }

  /** The tasks in the directory, or `limit` when there are that many or more. */
  #countUpTo(limit: number): number {
    let count = 0;
    for (const refs of this.#taskNames()) {
      count += refs.length;
      if (count >= limit) return limit;
    }
    return count;
  }

  /** The directory a task belongs in, made when it is the first of its priority. */
  async #directoryOf(ref: TaskRef): Promise<string> {
    if (ref.priority === null) return this.dir;
    const dir = join(this.dir, ref.priority);
    if (!this.#exists(dir)) {
      await this.#files.mkdir(dir, { recursive: true, mode: SPOOL_MODE });
      if (this.#options.fsync) await this.#sync(this.dir);
    }
    return dir;
  }

  #sync(dir: string): Promise<void> {
    let sync = this.#syncs.get(dir);
    if (!sync) {
      this.#syncs.set(
        dir,
        sync = new DirectorySync(dir, (each) => syncDirectory(each, this.#files)),
      );
    }
    return sync.commit();
  }

  /**
   * Everything that has a task's name, in pieces, so that a huge directory can be worked on. What has
   * a priority comes first.
   */
  *scan(): Generator<SeenTask[]> {
    for (const refs of this.#taskNames()) {
      yield refs.flatMap((ref) => this.see(ref) ?? []);
    }
  }

  *#taskNames(): Generator<TaskRef[]> {
    for (const priority of this.#directories().filter(isPriorityName)) {
      yield* this.#namesIn(priority);
    }
    yield* this.#namesIn(null);
  }

  *#namesIn(priority: string | null): Generator<TaskRef[]> {
    for (const entries of this.#list(join(this.dir, priority ?? ""))) {
      yield entries.flatMap(({ name }) =>
        name !== null && isTaskName(name) ? [{ name, priority }] : []
      );
    }
  }

  /** Sub-directories that hold tasks and that nobody works through: `5x/`, `urgent/`, … */
  stranded(): string[] {
    return this.#directories().filter((name) =>
      !isPriorityName(name) && name !== FAILED_DIR && !name.startsWith(".") &&
      this.#holdsTasks(name)
    );
  }

  #holdsTasks(sub: string): boolean {
    for (const entries of this.#list(join(this.dir, sub))) {
      if (entries.some(({ name }) => name !== null && isTaskName(name))) return true;
    }
    return false;
  }

  /** Names of the sub-directories; a directory with a task's name is none of ours. */
  #directories(): string[] {
    const names: string[] = [];
    for (const entries of this.#list(this.dir)) {
      for (const { name } of entries) {
        if (name === null || isTaskName(name)) continue;
        if (this.#options.claims.lstat(join(this.dir, name))?.kind === "directory") {
          names.push(name);
        }
      }
    }
    return names;
  }

  /** Whether an operator has stopped the work on this spool. */
  get paused(): boolean {
    return this.#exists(join(this.dir, PAUSED_FILE));
  }

  /** One task as it is now; null when it is gone or no file. */
  see(ref: TaskRef): SeenTask | null {
    const stat = this.#options.claims.lstat(this.pathOf(ref));
    return stat?.kind === "file" ? { ...ref, dueAt: stat.mtimeMs } : null;
  }

  #list(dir: string): Iterable<readonly { readonly name: string | null }[]> {
    return this.#options.libc?.list(dir) ?? [this.#exists(dir) ? [...Deno.readDirSync(dir)] : []];
  }

  #exists(path: string): boolean {
    return this.#options.claims.lstat(path) !== null;
  }

  pathOf(ref: TaskRef): string {
    return join(this.dir, taskId(ref));
  }

  /**
   * Locks a task and reads it. Whoever gets a {@link ClaimedTask} settles or releases it.
   * A file that is no task is moved to failed/ with its reason.
   */
  claim(ref: TaskRef): Claimed {
    const path = this.pathOf(ref);
    const now = this.#options.clock.now();
    const claim = this.#options.claims.claim(path, now);
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
            attempts: this.#readAttempts(ref),
            crashed: this.#exists(this.#markPath(ref)),
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

  /** The task begins to run. Should this program die meanwhile, the next claim says so. */
  begin(task: ClaimedTask): void {
    this.#files.openSync(this.#markPath(task), { write: true, create: true, mode: TASK_MODE })
      .close();
  }

  /** The task stays as it is, ready: its run was broken off by us. */
  giveBack(task: ClaimedTask): void {
    this.#unmark(task);
    task.release();
  }

  /** Remembers something about a task that goes on to run. */
  note(task: ClaimedTask, attempts: Attempts): void {
    this.#writeAttempts(task, attempts);
  }

  #markPath(ref: TaskRef): string {
    return join(this.dir, RUNNING_DIR, taskId(ref).replace("/", "_"));
  }

  #unmark(ref: TaskRef): void {
    const path = this.#markPath(ref);
    if (this.#exists(path)) this.#files.removeSync(path);
  }

  /** The task is done: its name goes, then its lock. */
  finish(task: ClaimedTask): void {
    this.#files.removeSync(task.path);
    this.#unmark(task);
    if (task.attempts || task.crashed) this.#forgetAttempts(task);
    task.release();
  }

  /**
   * The task runs again at `dueAt` (milliseconds since the epoch).
   *
   * @param attempts what to remember of its failures, when this run was one
   */
  defer(task: ClaimedTask, dueAt: number, attempts: Attempts | null): void {
    if (attempts) this.#writeAttempts(task, attempts);
    this.#files.utimeSync(task.path, dueAt / 1000, dueAt / 1000);
    this.#unmark(task);
    task.release();
  }

  /** The task is not tried again: it goes to failed/, with the reason beside it. */
  fail(task: ClaimedTask, reason: string, attempts: Attempts | null): void {
    this.#moveToFailed(task, { reason, failedAt: this.#options.clock.now(), attempts });
    this.#forgetAttempts(task);
    this.#unmark(task);
    task.release();
  }

  /**
   * A failed task gets a new life: it is ready now, and nothing is remembered of its failures. The
   * commit point is its rename out of failed/; a crash behind that leaves a record without a task,
   * which says nothing.
   */
  async retryFailed(ref: TaskRef): Promise<Changed> {
    const from = this.#failedPath(ref);
    return await this.#whileClaimed(from, async () => {
      const target = await this.#directoryOf(ref);
      if (this.#exists(this.pathOf(ref))) {
        return { kind: "refused", reason: "a task of that name waits already" };
      }
      const now = this.#options.clock.now() / 1000;
      Deno.utimeSync(from, now, now);
      this.#forgetAttempts(ref);
      this.#unmark(ref);
      Deno.renameSync(from, this.pathOf(ref));
      this.#forgetRecord(from);
      await this.#syncAll(target, dirname(from));
      return { kind: "changed" };
    });
  }

  /** A deferred task is ready now. What is known of its failures stays. */
  async retryDeferred(ref: TaskRef): Promise<Changed> {
    const path = this.pathOf(ref);
    return await this.#whileClaimed(path, (claim) => {
      const now = this.#options.clock.now();
      if (claim.stat.mtimeMs <= now) return { kind: "unchanged" };
      Deno.utimeSync(path, now / 1000, now / 1000);
      return { kind: "changed" };
    });
  }

  /** The task is gone, with all that is known of it. The commit point is the unlink. */
  async remove(ref: TaskRef): Promise<Changed> {
    const path = this.pathOf(ref);
    return await this.#whileClaimed(path, async () => {
      Deno.removeSync(path);
      this.#forgetAttempts(ref);
      this.#unmark(ref);
      await this.#syncAll(dirname(path));
      return { kind: "changed" };
    });
  }

  /** Like {@link remove}, for a task that lies in failed/. */
  async removeFailed(ref: TaskRef): Promise<Changed> {
    const path = this.#failedPath(ref);
    return await this.#whileClaimed(path, async () => {
      Deno.removeSync(path);
      this.#forgetRecord(path);
      await this.#syncAll(dirname(path));
      return { kind: "changed" };
    });
  }

  /** Nothing is started here any more, also not after a restart; false when that was so before. */
  async pause(): Promise<boolean> {
    const path = join(this.dir, PAUSED_FILE);
    await this.prepare();
    if (this.#exists(path)) return false;
    Deno.openSync(path, { write: true, create: true, mode: TASK_MODE }).close();
    await this.#syncAll(dirname(path));
    return true;
  }

  /** The end of {@link pause}; false when there was none. */
  async resume(): Promise<boolean> {
    const path = join(this.dir, PAUSED_FILE);
    if (!this.#exists(path)) return false;
    Deno.removeSync(path);
    await this.#syncAll(dirname(path));
    return true;
  }

  /** Acts on a file that nobody else has, due or not, and lets go of it. */
  async #whileClaimed(
    path: string,
    act: (claim: Claim) => Changed | Promise<Changed>,
  ): Promise<Changed> {
    const claim = this.#options.claims.claim(path, Infinity);
    switch (claim.kind) {
      case "busy":
        return { kind: "running" };
      case "gone":
        return claim;
      case "unusable":
        return { kind: "refused", reason: claim.reason };
      case "deferred":
        throw new Error(`claim ${path}: put off until ${claim.dueAt}, which is after all time`);
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

  async #syncAll(...dirs: string[]): Promise<void> {
    if (this.#options.fsync) await Promise.all(dirs.map((dir) => this.#sync(dir)));
  }

  #failedPath(ref: TaskRef): string {
    return join(this.dir, FAILED_DIR, taskId(ref));
  }

  #forgetRecord(failedPath: string): void {
    const path = failedPath + RECORD_ENDING;
    if (this.#exists(path)) Deno.removeSync(path);
  }

  #moveToFailed(ref: TaskRef, record: FailedRecord): void {
    const dir = join(this.dir, FAILED_DIR, ref.priority ?? "");
    this.#files.mkdirSync(dir, { recursive: true, mode: SPOOL_MODE });
    // The record first: a failed task without one would not say why, a record without a task is
    // overwritten the next time.
    this.#writeJson(join(dir, `${ref.name}.json`), record);
    this.#files.renameSync(this.pathOf(ref), join(dir, ref.name));
  }

  /** What is known of a task's failures, whoever has claimed it. */
  attemptsOf(ref: TaskRef): Attempts | null {
    return this.#readAttempts(ref);
  }

  /**
   * Ids of the tasks of which something is remembered: they have failed, or the program died while
   * they ran.
   */
  remembered(): Set<string> {
    const ids = new Set<string>();
    const noteAll = (dir: string, priority: string | null) => {
      for (const entries of this.#list(join(this.dir, dir))) {
        for (const { name } of entries) {
          if (name === null) continue;
          if (isTaskName(name)) ids.add(taskId({ name: withoutEnding(name), priority }));
          else if (priority === null && isPriorityName(name)) noteAll(`${dir}/${name}`, name);
        }
      }
    };
    noteAll(ATTEMPTS_DIR, null);
    for (const path of this.#pathsIn(RUNNING_DIR)) {
      ids.add(basename(path).replace(/^([0-9]+)_/, "$1/"));
    }
    return ids;
  }

  #attemptsPath(ref: TaskRef): string {
    return join(this.dir, ATTEMPTS_DIR, `${taskId(ref)}.json`);
  }

  #readAttempts(ref: TaskRef): Attempts | null {
    const path = this.#attemptsPath(ref);
    if (!this.#exists(path)) return null;
    try {
      return JSON.parse(Deno.readTextFileSync(path)) as Attempts;
    } catch {
      return null;
    }
  }

  #writeAttempts(ref: TaskRef, attempts: Attempts): void {
    const path = this.#attemptsPath(ref);
    if (ref.priority !== null) this.#files.mkdirSync(join(path, ".."), { recursive: true });
    this.#writeJson(path, attempts);
  }

  #forgetAttempts(ref: TaskRef): void {
    const path = this.#attemptsPath(ref);
    if (this.#exists(path)) this.#files.removeSync(path);
  }

  /** Replaces a small file as a whole: written beside, synced, renamed. */
  #writeJson(path: string, value: unknown): void {
    const tmp = join(this.dir, TMP_DIR, `${basename(path)}.${Deno.pid}`);
    {
      using file = this.#files.openSync(tmp, {
        write: true,
        create: true,
        truncate: true,
        mode: TASK_MODE,
      });
      const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      if (this.#options.fsync) file.syncSync();
    }
    this.#files.renameSync(tmp, path);
  }
}

function withoutEnding(name: string): string {
  return name.endsWith(RECORD_ENDING) ? name.slice(0, -RECORD_ENDING.length) : name;
}

/** What `failed/NAME.json` holds. */
export interface FailedRecord {
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly failedAt: number;
  readonly attempts: Attempts | null;
}

type ReadTask =
  | {
    readonly kind: "task";
    readonly vars: readonly Var[];
    readonly bodySize: number;
    readBody(into: Uint8Array<ArrayBuffer>, offset: number): number;
  }
  | { readonly kind: "short"; readonly reason: string }
  | { readonly kind: "damaged"; readonly reason: string };

function readTask(claim: Claim): ReadTask {
  const { size } = claim.stat;
  const headerBytes = new Uint8Array(HEADER_SIZE);
  if (claim.read(headerBytes, 0) < HEADER_SIZE) {
    return { kind: "short", reason: `the file has ${size} bytes, a packet's header 4` };
  }
  const header = decodeHeader(headerBytes);
  if (header.modifier1 !== MODIFIER_SPOOL) {
    return { kind: "damaged", reason: `modifier1 is ${header.modifier1}, a task's is 17` };
  }
  const varBytes = new Uint8Array(header.size);
  const bodyStart = HEADER_SIZE + header.size;
  if (claim.read(varBytes, HEADER_SIZE) < header.size) {
    return {
      kind: "short",
      reason: `the file has ${size} bytes, its header says ${bodyStart}`,
    };
  }
  try {
    return {
      kind: "task",
      vars: decodeVars(varBytes),
      bodySize: size - bodyStart,
      readBody: (into, offset) => claim.read(into, bodyStart + offset),
    };
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return { kind: "damaged", reason: error.message };
  }
}

async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
