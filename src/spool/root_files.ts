/**
 * File operations in a spool that is held open, by libc: nothing leads out of the directory, names may
 * have any bytes, and what happens once a task costs a fraction of Deno's price. Steps that may wait for
 * the disk are Deno's, on its threads, through /proc/self/fd.
 */

import { SystemError } from "../platform/libc.ts";
import {
  AT_REMOVEDIR,
  EEXIST,
  EISDIR,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
} from "../platform/linux.ts";
import { nameToShow } from "../platform/name.ts";
import { isMasked } from "../platform/umask.ts";
import { type CreateOptions, type Files, type OpenFile, type OpenFileOptions } from "./files.ts";
import type { SpoolRoot } from "./root.ts";

export class RootFiles implements Files {
  /** The file system has no files without a name, or gives them none. */
  #namesAtOnce = false;

  constructor(private readonly root: SpoolRoot) {}

  async open(path: string, options?: OpenFileOptions): Promise<OpenFile> {
    if (!options) return await this.#byPath(this.#directory(path), (proc) => Deno.open(proc));
    const { mode = 0o600 } = options;
    // Threads cannot set an owner, nor a mode past the umask.
    if (isMasked(mode) || this.root.owner) return this.openSync(path, options);
    return await this.#inDirectory(path, (proc) => Deno.open(proc, options));
  }

  openSync(path: string, options?: OpenFileOptions): OpenFile {
    const { root } = this;
    const fd = options ? this.#openFile(path, options) : this.#directory(path);
    try {
      const { read, write, append } = options ?? { read: true };
      const how = { ...(read ? { read } : {}), ...(write ? { write } : {}) };
      return Deno.openSync(procPath(fd), { ...how, ...(append ? { append } : {}) });
    } finally {
      root.libc.close(fd);
    }
  }

  #directory(path: string): number {
    return check(this.root.openDirectory(path), "open", path);
  }

  #openFile(path: string, options: OpenFileOptions): number {
    const { libc } = this.root;
    const { mode = 0o600 } = options;
    const flags = (options.append ? O_APPEND : 0) | (options.read ? O_RDWR : O_WRONLY) |
      O_NOFOLLOW | O_NONBLOCK;
    // First as one that is there: only a new file gets a mode and an owner.
    let fd = options.createNew
      ? -ENOENT
      : this.root.in(path, (at, name) => libc.open(at, name, flags));
    const isNew = fd === -ENOENT && (options.create === true || options.createNew === true);
    if (isNew) {
      const making = flags | O_CREAT | O_EXCL;
      fd = this.root.in(path, (at, name) => libc.open(at, name, making, mode));
    }
    check(fd, "open", path);
    try {
      if (isNew) this.#own(fd, path, mode);
      else this.#checkOurs(fd, path);
      return fd;
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  /** A file that we write to is a regular one that nobody else can have put there. */
  #checkOurs(fd: number, path: string): void {
    const { kind, uid, links } = this.root.libc.fstat(fd);
    if (kind === "file" && links === 1 && this.root.trusts(uid)) return;
    throw new SystemError("open", path, EPERM);
  }

  #own(fd: number, path: string, mode: number): void {
    const { libc, owner } = this.root;
    if (isMasked(mode)) check(libc.chmod(fd, mode), "chmod", path);
    if (owner) check(libc.chown(fd, owner.uid, owner.gid), "chown", path);
  }

  createSync(path: string, bytes: Uint8Array<ArrayBuffer>, { mode, time }: CreateOptions): void {
    const { libc } = this.root;
    const fd = check(this.root.createFile(path, mode), "create", path);
    try {
      this.#fill(fd, path, bytes, { mode, time });
    } finally {
      libc.close(fd);
    }
  }

  createWholeSync(path: string, bytes: Uint8Array<ArrayBuffer>, options: CreateOptions): boolean {
    if (this.#namesAtOnce) return false;
    const { root } = this;
    const fd = root.createNameless(options.mode);
    if (fd < 0) {
      this.#namesAtOnce = NO_NAMELESS.includes(-fd);
      return false;
    }
    try {
      this.#fill(fd, path, bytes, options);
      const named = root.nameFile(fd, path);
      if (named === -EEXIST) check(named, "link", path);
      // Whatever it was: to rename a file there says it better, or can be done.
      return named === 0;
    } finally {
      root.libc.close(fd);
    }
  }

  #fill(
    fd: number,
    path: string,
    bytes: Uint8Array<ArrayBuffer>,
    { mode, time }: CreateOptions,
  ): void {
    const { libc } = this.root;
    this.#own(fd, path, mode);
    let at = check(libc.write(fd, bytes), "write", path);
    while (at < bytes.length) at += check(libc.write(fd, bytes.subarray(at)), "write", path);
    if (time !== null) check(libc.futime(fd, time, time), "utime", path);
  }

  mkdirSync(path: string, mode: number): boolean {
    const { root } = this;
    const { libc } = root;
    const made = root.in(path, (at, name) => {
      const result = libc.mkdir(at, name, mode);
      if (result !== -EEXIST) return result;
      return libc.lstat(at, name)?.kind === "directory" ? result : -ENOTDIR;
    });
    if (made === -EEXIST) return false;
    check(made, "mkdir", path);
    const place = root.in(path, (at, name) => libc.openPlace(at, name, O_DIRECTORY));
    try {
      // Whatever the umask: it may be another for a moment (listenUnix).
      // A descriptor that only names a file takes neither call; its path in /proc does.
      Deno.chmodSync(procPath(check(place, "open", path)), mode);
      const { owner } = root;
      if (owner) Deno.chownSync(procPath(place), owner.uid, owner.gid);
    } finally {
      libc.close(place);
    }
    return true;
  }

  removeDirectorySync(path: string): boolean {
    const { libc } = this.root;
    return this.root.in(path, (at, name) => libc.unlink(at, name, AT_REMOVEDIR)) === 0;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#inDirectory(
      from,
      (source) => this.#inDirectory(to, (target) => Deno.rename(source, target)),
    );
  }

  renameSync(from: string, to: string): void {
    check(this.root.rename(from, to), "rename", from);
  }

  renameToNewSync(from: string, to: string): void {
    const { libc } = this.root;
    const renamed = this.root.in(
      from,
      (fromAt, source) =>
        this.root.in(to, (toAt, target) => libc.renameToNew(fromAt, source, toAt, target)),
    );
    check(renamed, "rename", from);
  }

  async remove(path: string): Promise<void> {
    await this.#inDirectory(path, (proc) => Deno.remove(proc));
  }

  removeSync(path: string): void {
    const { libc } = this.root;
    check(this.root.in(path, (at, name) => libc.unlink(at, name)), "remove", path);
  }

  utimeSync(path: string, atime: number, mtime: number): void {
    const { libc } = this.root;
    const set = this.root.in(path, (at, name) => libc.utime(at, name, atime, mtime));
    check(set, "utime", path);
  }

  /** Hands over the path of a name by a descriptor of its directory, which stays open meanwhile. */
  async #inDirectory<T>(path: string, act: (proc: string) => Promise<T>): Promise<T> {
    let own = "";
    const fd = this.root.in(path, (at, name) => {
      own = name;
      return this.root.libc.openPlace(at, ".", O_DIRECTORY);
    });
    return await this.#byPath(check(fd, "open", path), (proc) => act(`${proc}/${own}`));
  }

  async #byPath<T>(fd: number, act: (proc: string) => Promise<T>): Promise<T> {
    try {
      return await act(procPath(fd));
    } finally {
      this.root.libc.close(fd);
    }
  }
}

/** What open(2) says where there are no files without a name. */
const NO_NAMELESS: readonly number[] = [EOPNOTSUPP, EISDIR];

const procPath = (fd: number) => `/proc/self/fd/${fd}`;

/**
 * @returns `result`, when it is no error
 * @throws {Deno.errors.NotFound | Deno.errors.AlreadyExists | SystemError}
 */
function check(result: number, call: string, path: string): number {
  if (result >= 0) return result;
  if (result === -ENOENT) throw new Deno.errors.NotFound(`${call} ${nameToShow(path)}: not found`);
  const error = new SystemError(call, path, -result);
  if (result === -EEXIST) throw new Deno.errors.AlreadyExists(error.message);
  throw error;
}
