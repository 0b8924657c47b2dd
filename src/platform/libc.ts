/**
 * Calls of libc that Deno does not offer, or offers at several times the price: files by directory and
 * name, POSIX locks (Deno's FsFile.lock is flock(2), which uWSGI's fcntl locks do not see), listings in
 * bounded memory, inotify. This file is longer than 300 lines because each call has a method of its own.
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOSYS,
  ENXIO,
  EPERM,
  F_TLOCK,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  openLibrary,
  RENAME_NOREPLACE,
  SOL_SOCKET,
  STATX_BASIC_STATS,
  SYS_RENAMEAT2,
} from "./linux.ts";
import { LibcCalls, type PathName, SystemError } from "./libc_calls.ts";
import { fixedBytes } from "./memory.ts";
import { fileTime, type Stat, STATX_SIZE, StatxStat } from "./stat.ts";

const F_TEST = 3;
const AT_NO_AUTOMOUNT = 0x800;
/** Not what a symlink points to. */
const NAME_ITSELF = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
const STATX_TYPE_MTIME = 0x41;
const SO_RCVBUF = 8;
const SO_ACCEPTCONN = 30;
/** As C has them: a directory itself, and the file of a descriptor. */
const HERE = Uint8Array.of(46, 0);
const NO_PATH = new Uint8Array(1);
/** Of one write: more comes back as a negative number. */
const MOST_AT_ONCE = 1 << 30;

/** What open(2) says of a directory, a symlink or a socket that is opened like a file. */
export const NO_FILE: readonly number[] = [EISDIR, ELOOP, ENXIO];

export { SystemError } from "./libc_calls.ts";

/**
 * Names are relative to an open directory, or paths where that is AT_FDCWD. Calls return an errno as a
 * negative number where the caller is expected to deal with it.
 */
export class Libc {
  readonly #calls: LibcCalls;
  readonly #statx = fixedBytes(STATX_SIZE);
  readonly #statxView = new DataView(this.#statx.buffer);
  /** struct timespec[2] */
  readonly #times = fixedBytes(32);
  readonly #timesView = new DataView(this.#times.buffer);
  /** A file gets its first name by its path in /proc. */
  #linksByProc = false;

  constructor(library: string) {
    this.#calls = new LibcCalls(library);
  }

  /** Any open(2); O_CLOEXEC is added. */
  open(at: number, name: PathName, flags: number, mode = 0): number {
    const { openat } = this.#calls.symbols;
    return this.#calls.result(openat(at, this.#calls.path(name), flags | O_CLOEXEC, mode));
  }

  /** A descriptor for reading and locking. Follows no symlink and never blocks. */
  openFile(at: number, name: string): number {
    return this.open(at, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
  }

  /**
   * Like {@link openFile}, for reading only: its close is no event for those who watch for writes, and
   * reading leaves the file's atime as it was, where the kernel lets this user have that.
   */
  openToRead(at: number, name: PathName): number {
    const flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW;
    const fd = this.open(at, name, flags | O_NOATIME);
    return fd === -EPERM ? this.open(at, name, flags) : fd;
  }

  /** Makes a file that must not be there, for writing. */
  createFile(at: number, name: string, mode: number): number {
    return this.open(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  }

  /** Makes a file without a name, for writing: it is gone with its descriptor, if it gets none. */
  createNameless(at: number, mode: number): number {
    return this.open(at, HERE, O_WRONLY | O_TMPFILE, mode);
  }

  /** Gives a file without a name one that nobody has; -EEXIST where somebody has it. */
  nameFile(fd: number, at: number, name: string): number {
    if (!this.#linksByProc) {
      const { linkat } = this.#calls.symbols;
      const path = this.#calls.path(name);
      const named = this.#calls.result(linkat(fd, NO_PATH, at, path, AT_EMPTY_PATH));
      // Before Linux 6.10 only root may; who may not is told that there is nothing.
      if (named !== -ENOENT) return named;
    }
    const named = this.nameFileByProc(fd, at, name);
    this.#linksByProc ||= named === 0;
    return named;
  }

  /** {@link nameFile} as every user may do it. */
  nameFileByProc(fd: number, at: number, name: string): number {
    const source = this.#calls.otherPath(`/proc/self/fd/${fd}`);
    const path = this.#calls.path(name);
    const { linkat } = this.#calls.symbols;
    return this.#calls.result(linkat(AT_FDCWD, source, at, path, AT_SYMLINK_FOLLOW));
  }

  /** For listing and syncing. */
  openDirectory(at: number, name: string, flags = 0): number {
    return this.open(at, name, O_RDONLY | O_DIRECTORY | flags);
  }

  /** To find names in, or to be asked about: needs no permission to read it. */
  openPlace(at: number, name: string, flags = 0): number {
    return this.open(at, name, O_PATH | O_NOFOLLOW | flags);
  }

  /** Writes some of the bytes, and says how many. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    const length = Math.min(bytes.length, MOST_AT_ONCE);
    return this.#calls.result(this.#calls.symbols.write(fd, bytes, length));
  }

  /** Closing any descriptor of a file, unless openPlace made it, drops this process's POSIX locks of it. */
  close(fd: number): void {
    this.#calls.symbols.close(fd);
  }

  /** Takes the POSIX write lock of the whole file; false when another process has it. */
  tryLock(fd: number): boolean {
    return !this.#isRefused(fd, F_TLOCK);
  }

  /** Whether another process has the POSIX write lock; takes none, so nobody else finds it busy. */
  isLocked(fd: number): boolean {
    return this.#isRefused(fd, F_TEST);
  }

  #isRefused(fd: number, command: number): boolean {
    if (this.#calls.symbols.lockf(fd, command, 0n) === 0) return false;
    const errno = this.#calls.errno();
    if (errno === EAGAIN || errno === EACCES) return true;
    throw new SystemError("lockf", `descriptor ${fd}`, errno);
  }

  /** Fills `into` from `offset` on; returns the bytes read, fewer only at the end of the file. */
  read(fd: number, into: Uint8Array<ArrayBuffer>, offset: number): number {
    let filled = 0;
    while (filled < into.length) {
      const rest = into.subarray(filled);
      const position = BigInt(offset + filled);
      const count = Number(this.#calls.symbols.pread(fd, rest, BigInt(rest.length), position));
      if (count < 0) throw new SystemError("pread", `descriptor ${fd}`, this.#calls.errno());
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /** Of the name itself, not of what a symlink points to; null when there is nothing. */
  lstat(at: number, name: string): Stat | null {
    return this.#stat(at, this.#calls.path(name), NAME_ITSELF);
  }

  /** Of what a path leads to; null when there is nothing. */
  stat(path: string): Stat | null {
    return this.#stat(AT_FDCWD, this.#calls.path(path), 0);
  }

  /** Of an open file. */
  fstat(fd: number): Stat {
    const stat = this.#stat(fd, NO_PATH, AT_EMPTY_PATH);
    if (stat === null) throw new SystemError("statx", `descriptor ${fd}`, this.#calls.errno());
    return stat;
  }

  /** The mtime of a regular file, else null, by a name that the kernel has written, with its NUL. */
  fileTime(at: number, name: Uint8Array<ArrayBuffer>): number | null {
    const { statx } = this.#calls.symbols;
    const isThere = statx(at, name, NAME_ITSELF, STATX_TYPE_MTIME, this.#statx) === 0;
    return isThere ? fileTime(this.#statxView) : null;
  }

  #stat(fd: number, path: Uint8Array<ArrayBuffer>, flags: number): Stat | null {
    const { symbols } = this.#calls;
    if (symbols.statx(fd, path, flags, STATX_BASIC_STATS, this.#statx) !== 0) return null;
    return new StatxStat(this.#statxView);
  }

  /** Whether who runs the program may use a file in the ways of `mode`, as access(2) has them: 0, or why not. */
  access(path: string, mode: number): number {
    return this.#calls.result(this.#calls.symbols.access(this.#calls.path(path), mode));
  }

  mkdir(at: number, name: string, mode: number): number {
    return this.#calls.result(this.#calls.symbols.mkdirat(at, this.#calls.path(name), mode));
  }

  /** Removes a name; with AT_REMOVEDIR that of an empty directory. */
  unlink(at: number, name: string, flags = 0): number {
    return this.#calls.result(this.#calls.symbols.unlinkat(at, this.#calls.path(name), flags));
  }

  /** Gives a file another name, in place of a file that has it. */
  rename(fromAt: number, from: string, toAt: number, to: string): number {
    const source = this.#calls.path(from);
    const target = this.#calls.otherPath(to);
    return this.#calls.result(this.#calls.symbols.renameat(fromAt, source, toAt, target));
  }

  /** The same, but -EEXIST when there is a file of that name. */
  renameToNew(fromAt: number, from: string, toAt: number, to: string): number {
    const source = this.#calls.path(from);
    const target = this.#calls.otherPath(to);
    const { syscall } = this.#calls.symbols;
    const number = BigInt(SYS_RENAMEAT2);
    const result = syscall(number, fromAt, source, toAt, target, RENAME_NOREPLACE);
    if (result === 0n || Number(result) === 0) return 0;
    const errno = this.#calls.errno();
    // Some file systems cannot; then nobody else may be between the question and the rename.
    if (errno !== EINVAL && errno !== ENOSYS) return -errno;
    return this.lstat(toAt, to) ? -EEXIST : this.rename(fromAt, from, toAt, to);
  }

  /** Sets a file's times, in seconds since the epoch. */
  utime(at: number, name: string, atime: number, mtime: number): number {
    const times = this.#timespecs(atime, mtime);
    const path = this.#calls.path(name);
    return this.#calls.result(this.#calls.symbols.utimensat(at, path, times, AT_SYMLINK_NOFOLLOW));
  }

  futime(fd: number, atime: number, mtime: number): number {
    return this.#calls.result(this.#calls.symbols.futimens(fd, this.#timespecs(atime, mtime)));
  }

  #timespecs(...seconds: readonly [number, number]): Uint8Array<ArrayBuffer> {
    seconds.forEach((time, i) => {
      const micros = Math.round(time * 1e6);
      const whole = Math.floor(micros / 1e6);
      this.#timesView.setBigInt64(16 * i, BigInt(whole), true);
      this.#timesView.setBigInt64(16 * i + 8, BigInt((micros - whole * 1e6) * 1000), true);
    });
    return this.#times;
  }

  chmod(fd: number, mode: number): number {
    return this.#calls.result(this.#calls.symbols.fchmod(fd, mode));
  }

  chown(fd: number, uid: number, gid: number): number {
    return this.#calls.result(this.#calls.symbols.fchown(fd, uid, gid));
  }

  /** Entries of an open directory as getdents64 writes them; the bytes written, 0 at the end. */
  readEntries(fd: number, into: Uint8Array<ArrayBuffer>): number {
    const { getdents64 } = this.#calls.symbols;
    return this.#calls.result(Number(getdents64(fd, into, BigInt(into.length))));
  }

  /**
   * Bounds what the kernel keeps of each connection of a listening socket that nobody has read yet. Left
   * to itself it takes megabytes, and when all connections have enough of them it drops what others send.
   */
  limitReceiveBuffers(fd: number, bytes: number): void {
    const value = new Int32Array([bytes]);
    this.#calls.symbols.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, value.byteLength);
  }

  /** Whether a descriptor is a socket that listens. */
  isListening(fd: number): boolean {
    const value = new Int32Array(1);
    const length = new Uint32Array([value.byteLength]);
    const { getsockopt } = this.#calls.symbols;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, length) === 0 && value[0] === 1;
  }

  /** Changes how many connections wait on a listening socket; leaves any other descriptor alone. */
  relisten(fd: number, backlog: number): void {
    if (this.isListening(fd)) this.#calls.symbols.listen(fd, backlog);
  }

  inotifyInit(): number {
    return this.#calls.result(this.#calls.symbols.inotify_init1(O_CLOEXEC | O_NONBLOCK));
  }

  /** The watch's number, or -errno. */
  inotifyAdd(fd: number, path: string, mask: number): number {
    return this.#calls.result(
      this.#calls.symbols.inotify_add_watch(fd, this.#calls.path(path), mask),
    );
  }

  /** The bytes read, 0 when there are none yet. */
  readNow(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
    return Math.max(0, this.#calls.symbols.read(fd, buffer, buffer.length));
  }
}

/** The machine's libc, or the reason why it cannot be called. */
export function loadLibc(): Libc | { readonly unavailable: string } {
  const library = openLibrary((name) => new Libc(name));
  return "opened" in library ? library.opened : library;
}
