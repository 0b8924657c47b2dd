/**
 * The few calls of libc that Deno does not offer: POSIX locks and reads on a descriptor that holds
 * one, directory listings in bounded memory, and inotify with its event masks. And some that it offers
 * at several times the price, for what is done once a task.
 *
 * Deno's own FsFile.lock is flock(2), which uWSGI's fcntl locks do not see.
 */

import { getSystemErrorName } from "node:util";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EAGAIN,
  F_TLOCK,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  openLibrary,
  S_IFMT,
  S_IFREG,
  STATX_BASIC_STATS,
} from "./linux.ts";
import { nameFromBytes, nameToBytes, nameToShow } from "./name.ts";

const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lockf: { parameters: ["i32", "i32", "i64"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const F_TEST = 3;
const AT_NO_AUTOMOUNT = 0x800;
/** Not what a symlink points to. */
const NAME_ITSELF = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const S_IFDIR = 0o040000;

/** The error numbers that mean something to this program. */
const EPERM = 1;
export const ENOENT = 2;
const ENXIO = 6;
export const EACCES = 13;
const EISDIR = 21;
const ELOOP = 40;

/** What open(2) says of a directory, a symlink or a socket that is opened like a file. */
export const NO_FILE: readonly number[] = [EISDIR, ELOOP, ENXIO];

/** A system call failed in a way that its caller has no answer for. */
export class SystemError extends Error {
  override name = "SystemError";

  constructor(call: string, subject: string, readonly errno: number) {
    super(`${call} ${nameToShow(subject)}: ${getSystemErrorName(-errno)} (errno ${errno})`);
  }
}

export interface Stat {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  /** Milliseconds since the epoch, with fractions. */
  readonly mtimeMs: number;
  /** Changes with every write, rename and utime, and cannot be set. */
  readonly ctimeMs: number;
  /** Names that the file has; 0 of one that was removed while it is open. */
  readonly links: number;
  /** Device and inode: the same for two names of one file. */
  readonly identity: string;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "other" | "unknown";
}

/** A regular file in a directory. */
export interface ListedFile {
  readonly name: string;
  /** Milliseconds since the epoch, with fractions. */
  readonly mtimeMs: number;
}

/** Files that are looked at in one go. */
const FILES_AT_ONCE = 100;

export interface InotifyEvent {
  readonly watch: number;
  readonly mask: number;
  /** Empty for an event about the watched directory itself. */
  readonly name: string;
}

/** The longest path that the kernel takes (PATH_MAX), in every encoding of it. */
const PATH_BUFFER = 3 * 4096;

/** Calls return an errno as a negative number where the caller is expected to deal with it. */
export class Libc {
  readonly #lib;
  readonly #path = new Uint8Array(PATH_BUFFER);
  readonly #otherPath = new Uint8Array(PATH_BUFFER);
  readonly #statx = new Uint8Array(256);
  readonly #statxView = new DataView(this.#statx.buffer);

  constructor(library: string) {
    this.#lib = Deno.dlopen(library, SYMBOLS);
  }

  /**
   * A path for the next call.
   *
   * @throws {TypeError} for a path with a NUL, which no file can have
   */
  #pathBytes(path: string, into = this.#path): Uint8Array<ArrayBuffer> {
    if (path.includes("\0")) throw new TypeError(`a path cannot hold a NUL: ${path}`);
    into[nameToBytes(path, into)] = 0;
    return into;
  }

  #errno(): number {
    const location = this.#lib.symbols.__errno_location();
    return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
  }

  /** A descriptor for reading and locking, or -errno. Follows no symlink and never blocks. */
  openFile(path: string): number {
    const flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
    const fd = this.#lib.symbols.open(this.#pathBytes(path), flags, 0);
    return fd < 0 ? -this.#errno() : fd;
  }

  /**
   * Like {@link openFile}, for looking only: its close is no event for those who watch for writes,
   * and reading leaves the file's atime as it was, where the kernel lets this user have that.
   */
  openToRead(path: string): number {
    const flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
    const bytes = this.#pathBytes(path);
    let fd = this.#lib.symbols.open(bytes, flags | O_NOATIME, 0);
    if (fd < 0 && this.#errno() === EPERM) fd = this.#lib.symbols.open(bytes, flags, 0);
    return fd < 0 ? -this.#errno() : fd;
  }

  /** Makes a file that must not be there, for writing; its descriptor, or -errno. */
  createFile(path: string, mode: number): number {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    const fd = this.#lib.symbols.open(this.#pathBytes(path), flags, mode);
    return fd < 0 ? -this.#errno() : fd;
  }

  /** Writes some of the bytes, and says how many; or -errno. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    const count = Number(this.#lib.symbols.write(fd, bytes, BigInt(bytes.length)));
    return count < 0 ? -this.#errno() : count;
  }

  openDirectory(path: string): number {
    const flags = O_RDONLY | O_CLOEXEC | O_DIRECTORY;
    const fd = this.#lib.symbols.open(this.#pathBytes(path), flags, 0);
    return fd < 0 ? -this.#errno() : fd;
  }

  /** Closing any descriptor of a file drops every POSIX lock this process holds on it. */
  close(fd: number): void {
    this.#lib.symbols.close(fd);
  }

  /** Takes the POSIX write lock of the whole file; false when another process has it. */
  tryLock(fd: number): boolean {
    if (this.#lib.symbols.lockf(fd, F_TLOCK, 0n) === 0) return true;
    const errno = this.#errno();
    if (errno === EAGAIN || errno === EACCES) return false;
    throw new SystemError("lockf", `descriptor ${fd}`, errno);
  }

  /** Whether another process has the POSIX write lock; takes none, so nobody else finds it busy. */
  isLocked(fd: number): boolean {
    if (this.#lib.symbols.lockf(fd, F_TEST, 0n) === 0) return false;
    const errno = this.#errno();
    if (errno === EAGAIN || errno === EACCES) return true;
    throw new SystemError("lockf", `descriptor ${fd}`, errno);
  }

  /** Fills `into` from `offset` on; returns the bytes read, fewer only at the end of the file. */
  read(fd: number, into: Uint8Array<ArrayBuffer>, offset: number): number {
    let filled = 0;
    while (filled < into.length) {
      const rest = into.subarray(filled);
      const position = BigInt(offset + filled);
      const count = Number(this.#lib.symbols.pread(fd, rest, BigInt(rest.length), position));
      if (count < 0) throw new SystemError("pread", `descriptor ${fd}`, this.#errno());
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /** Of the name itself, not of what a symlink points to; null when there is nothing. */
  lstat(path: string): Stat | null {
    return this.#stat(AT_FDCWD, path, NAME_ITSELF);
  }

  /** Of an open file. */
  fstat(fd: number): Stat {
    const stat = this.#stat(fd, "", AT_EMPTY_PATH);
    if (stat === null) throw new SystemError("statx", `descriptor ${fd}`, this.#errno());
    return stat;
  }

  #stat(fd: number, path: string, flags: number): Stat | null {
    return this.#statBytes(fd, this.#pathBytes(path), flags);
  }

  #statBytes(fd: number, path: Uint8Array<ArrayBuffer>, flags: number): Stat | null {
    const { symbols } = this.#lib;
    if (symbols.statx(fd, path, flags, STATX_BASIC_STATS, this.#statx) !== 0) return null;
    return new StatxStat(this.#statxView);
  }

  /** Removes a name; 0 or -errno. */
  unlink(path: string): number {
    return this.#lib.symbols.unlink(this.#pathBytes(path)) < 0 ? -this.#errno() : 0;
  }

  /** Gives a file another name, in place of a file that has it; 0 or -errno. */
  rename(from: string, to: string): number {
    const { symbols } = this.#lib;
    const target = this.#pathBytes(to, this.#otherPath);
    return symbols.rename(this.#pathBytes(from), target) < 0 ? -this.#errno() : 0;
  }

  /** Sets a file's times, in seconds since the epoch; 0 or -errno. */
  utime(path: string, atime: number, mtime: number): number {
    // struct timespec[2]
    const times = new Uint8Array(32);
    const view = new DataView(times.buffer);
    [atime, mtime].forEach((time, i) => {
      const micros = Math.round(time * 1e6);
      const seconds = Math.floor(micros / 1e6);
      view.setBigInt64(16 * i, BigInt(seconds), true);
      view.setBigInt64(16 * i + 8, BigInt((micros - seconds * 1e6) * 1000), true);
    });
    const { symbols } = this.#lib;
    const flags = AT_SYMLINK_NOFOLLOW;
    return symbols.utimensat(AT_FDCWD, this.#pathBytes(path), times, flags) < 0
      ? -this.#errno()
      : 0;
  }

  /**
   * Lists a directory piece by piece, in the file system's order, never holding more than one
   * buffer of it. Ends quietly when the directory is gone.
   */
  *list(path: string): Generator<DirectoryEntry[]> {
    for (const { buffer, view, length } of this.#dirents(path)) {
      yield parseDirents(buffer, view, length, () => true);
    }
  }

  /**
   * Like {@link list}, but only what is a directory, or may be one where the file system does not
   * tell: among a million files these are found without making a million names.
   */
  *listDirectories(path: string): Generator<DirectoryEntry[]> {
    for (const { buffer, view, length } of this.#dirents(path)) {
      yield parseDirents(buffer, view, length, (type) => type === DT_DIR || type === DT_UNKNOWN);
    }
  }

  /**
   * The wanted ones among the regular files of a directory, in pieces. Each is asked about by its name
   * as the kernel has just written it, which saves a path.
   */
  *listFiles(path: string, isWanted: (name: string) => boolean): Generator<ListedFile[]> {
    let files: ListedFile[] = [];
    for (const { fd, buffer, view, length } of this.#dirents(path)) {
      for (let at = 0; at < length; at += view.getUint16(at + DIRENT_LENGTH, true)) {
        const type = buffer[at + DIRENT_TYPE] as number;
        if (type !== DT_REG && type !== DT_UNKNOWN) continue;
        const name = direntName(buffer, at);
        if (!isWanted(name)) continue;
        const stat = this.#statBytes(fd, buffer.subarray(at + DIRENT_NAME), NAME_ITSELF);
        if (stat?.kind === "file") files.push({ name, mtimeMs: stat.mtimeMs });
        if (files.length < FILES_AT_ONCE) continue;
        yield files;
        files = [];
      }
    }
    yield files;
  }

  *#dirents(path: string): Generator<Dirents> {
    const fd = this.openDirectory(path);
    if (fd < 0) return;
    const buffer = new Uint8Array(64 * 1024);
    const view = new DataView(buffer.buffer);
    const size = BigInt(buffer.length);
    try {
      while (true) {
        const length = Number(this.#lib.symbols.getdents64(fd, buffer, size));
        if (length <= 0) return;
        yield { fd, buffer, view, length };
      }
    } finally {
      this.close(fd);
    }
  }

  /** The sockets this process has open now: the name the kernel has for each, and its descriptor. */
  openSockets(): Map<string, number> {
    const sockets = new Map<string, number>();
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      const target = linkTarget(`/proc/self/fd/${name}`);
      if (target?.startsWith("socket:")) sockets.set(target, Number(name));
    }
    return sockets;
  }

  /** Changes how many connections wait on a listening socket; leaves any other descriptor alone. */
  relisten(fd: number, backlog: number): void {
    const value = new Int32Array(1);
    const length = new Uint32Array([value.byteLength]);
    const { getsockopt, listen } = this.#lib.symbols;
    const isListening = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, length) === 0 &&
      value[0] === 1;
    if (isListening) listen(fd, backlog);
  }

  inotifyInit(): number {
    const fd = this.#lib.symbols.inotify_init1(O_CLOEXEC);
    if (fd < 0) throw new SystemError("inotify_init1", "", this.#errno());
    return fd;
  }

  /** The watch's number, or -errno. */
  inotifyAdd(fd: number, path: string, mask: number): number {
    const watch = this.#lib.symbols.inotify_add_watch(fd, this.#pathBytes(path), mask);
    return watch < 0 ? -this.#errno() : watch;
  }

  inotifyRemove(fd: number, watch: number): void {
    this.#lib.symbols.inotify_rm_watch(fd, watch);
  }

  /**
   * Waits, on another thread, for the next events; empty when the descriptor is of no use.
   *
   * @param buffer more than 64 bytes, see memory.ts; it is held here until the kernel has written
   */
  async inotifyRead(fd: number, buffer: Uint8Array<ArrayBuffer>): Promise<InotifyEvent[]> {
    const length = Number(await this.#lib.symbols.read(fd, buffer, BigInt(buffer.length)));
    return length <= 0 ? [] : parseInotify(buffer, length);
  }
}

/** What the kernel has written into a struct statx (linux/stat.h). Thousands are made at a time. */
class StatxStat implements Stat {
  readonly kind: Stat["kind"];
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly links: number;
  readonly #inode: number;
  readonly #inodeHigh: number;
  readonly #device: number;
  readonly #deviceMinor: number;

  constructor(view: DataView) {
    const format = view.getUint16(0x1c, true) & S_IFMT;
    this.kind = format === S_IFREG ? "file" : format === S_IFDIR ? "directory" : "other";
    this.size = view.getUint32(0x28, true) + 2 ** 32 * view.getUint32(0x2c, true);
    this.mtimeMs = statxTimeMs(view, 0x70);
    this.ctimeMs = statxTimeMs(view, 0x60);
    this.links = view.getUint32(0x10, true);
    this.#inode = view.getUint32(0x20, true);
    this.#inodeHigh = view.getUint32(0x24, true);
    this.#device = view.getUint32(0x88, true);
    this.#deviceMinor = view.getUint32(0x8c, true);
  }

  get identity(): string {
    return `${this.#device}:${this.#deviceMinor}:${this.#inodeHigh}:${this.#inode}`;
  }
}

/** struct statx_timestamp: seconds with a sign, nanoseconds. */
function statxTimeMs(view: DataView, at: number): number {
  const seconds = 2 ** 32 * view.getInt32(at + 4, true) + view.getUint32(at, true);
  return seconds * 1000 + view.getUint32(at + 8, true) / 1e6;
}

const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_REG = 8;

/** Null when it is gone: descriptors come and go. */
function linkTarget(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

/** What getdents64 has written, of the directory with that descriptor. */
interface Dirents {
  readonly fd: number;
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly length: number;
}

/** struct linux_dirent64: ino, off, u16 length of the record, u8 type, name up to a NUL. */
const DIRENT_LENGTH = 16;
const DIRENT_TYPE = 18;
const DIRENT_NAME = 19;

function direntName(buffer: Uint8Array, at: number): string {
  const start = at + DIRENT_NAME;
  return nameFromBytes(buffer.subarray(start, buffer.indexOf(0, start)));
}

function parseDirents(
  buffer: Uint8Array,
  view: DataView,
  length: number,
  wanted: (type: number) => boolean,
): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < length; at += view.getUint16(at + DIRENT_LENGTH, true)) {
    const type = buffer[at + DIRENT_TYPE] as number;
    if (!wanted(type)) continue;
    const name = direntName(buffer, at);
    if (name !== "." && name !== "..") entries.push({ name, kind: direntKind(type) });
  }
  return entries;
}

function direntKind(type: number): DirectoryEntry["kind"] {
  switch (type) {
    case DT_UNKNOWN:
      return "unknown";
    case DT_DIR:
      return "directory";
    case DT_REG:
      return "file";
    default:
      return "other";
  }
}

/** struct inotify_event: wd, mask, cookie, length of the name, name padded with NULs. */
function parseInotify(buffer: Uint8Array<ArrayBuffer>, length: number): InotifyEvent[] {
  const view = new DataView(buffer.buffer);
  const events: InotifyEvent[] = [];
  let at = 0;
  while (at < length) {
    const nameLength = view.getUint32(at + 12, true);
    const start = at + 16;
    const padded = buffer.subarray(start, start + nameLength);
    const end = padded.indexOf(0);
    events.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      name: nameFromBytes(end === -1 ? padded : padded.subarray(0, end)),
    });
    at = start + nameLength;
  }
  return events;
}

/** The machine's libc, or the reason why there is none to call. */
export function loadLibc(): Libc | { readonly unavailable: string } {
  const library = openLibrary((name) => new Libc(name));
  return "opened" in library ? library.opened : library;
}
