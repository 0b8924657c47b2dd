/**
 * The few calls of libc that Deno does not offer: POSIX locks and reads on a descriptor that holds
 * one, directory listings in bounded memory, and inotify with its event masks.
 *
 * Deno's own FsFile.lock is flock(2), which uWSGI's fcntl locks do not see.
 */

const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lockf: { parameters: ["i32", "i32", "i64"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const O_RDONLY = 0;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const O_NOATIME = 0o1000000;
const O_CLOEXEC = 0o2000000;
const F_TLOCK = 2;
const F_TEST = 3;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const STATX_BASIC_STATS = 0x7ff;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;

/** On some machines (arm) the two flags of open(2) have each other's place. */
const [DIRECTORY_FLAG, NOFOLLOW_FLAG] = Deno.build.arch === "aarch64"
  ? [0o40000, 0o100000]
  : [O_DIRECTORY, O_NOFOLLOW];

/** The error numbers that mean something to this program. */
const EPERM = 1;
export const ENOENT = 2;
export const EAGAIN = 11;
export const EACCES = 13;

/** A system call failed in a way that its caller has no answer for. */
export class SystemError extends Error {
  override name = "SystemError";

  constructor(call: string, subject: string, readonly errno: number) {
    super(`${call} ${subject}: errno ${errno}`);
  }
}

export interface Stat {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  /** Milliseconds since the epoch, with fractions. */
  readonly mtimeMs: number;
  /** Changes with every write, rename and utime, and cannot be set. */
  readonly ctimeMs: number;
  /** Device and inode: the same for two names of one file. */
  readonly identity: string;
}

export interface DirectoryEntry {
  /** Null when the name is no UTF-8. */
  readonly name: string | null;
  readonly kind: "file" | "directory" | "other" | "unknown";
}

export interface InotifyEvent {
  readonly watch: number;
  readonly mask: number;
  /** Empty for an event about the watched directory itself; null when the name is no UTF-8. */
  readonly name: string | null;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @throws {TypeError} for a path with a NUL, which no file can have */
function pathBytes(path: string): Uint8Array<ArrayBuffer> {
  if (path.includes("\0")) throw new TypeError(`a path cannot hold a NUL: ${path}`);
  return encoder.encode(`${path}\0`) as Uint8Array<ArrayBuffer>;
}

function nameText(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Calls return an errno as a negative number where the caller is expected to deal with it. */
export class Libc {
  readonly #lib;
  readonly #statx = new Uint8Array(256);
  readonly #statxView = new DataView(this.#statx.buffer);

  constructor(library: string) {
    this.#lib = Deno.dlopen(library, SYMBOLS);
  }

  #errno(): number {
    const location = this.#lib.symbols.__errno_location();
    return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
  }

  /** A descriptor for reading and locking, or -errno. Follows no symlink and never blocks. */
  openFile(path: string): number {
    const flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | NOFOLLOW_FLAG;
    const fd = this.#lib.symbols.open(pathBytes(path), flags, 0);
    return fd < 0 ? -this.#errno() : fd;
  }

  /**
   * Like {@link openFile}, for looking only: its close is no event for those who watch for writes,
   * and reading leaves the file's atime as it was, where the kernel lets this user have that.
   */
  openToRead(path: string): number {
    const flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | NOFOLLOW_FLAG;
    const bytes = pathBytes(path);
    let fd = this.#lib.symbols.open(bytes, flags | O_NOATIME, 0);
    if (fd < 0 && this.#errno() === EPERM) fd = this.#lib.symbols.open(bytes, flags, 0);
    return fd < 0 ? -this.#errno() : fd;
  }

  openDirectory(path: string): number {
    const flags = O_RDONLY | O_CLOEXEC | DIRECTORY_FLAG;
    const fd = this.#lib.symbols.open(pathBytes(path), flags, 0);
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
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    const { symbols } = this.#lib;
    if (symbols.statx(AT_FDCWD, pathBytes(path), flags, STATX_BASIC_STATS, this.#statx) !== 0) {
      return null;
    }
    // struct statx, linux/stat.h
    const view = this.#statxView;
    const u32 = (at: number) => view.getUint32(at, true);
    const u64 = (at: number) => Number(view.getBigUint64(at, true));
    const timeMs = (at: number) => Number(view.getBigInt64(at, true)) * 1000 + u32(at + 8) / 1e6;
    const format = view.getUint16(0x1c, true) & S_IFMT;
    return {
      kind: format === S_IFREG ? "file" : format === S_IFDIR ? "directory" : "other",
      size: u64(0x28),
      mtimeMs: timeMs(0x70),
      ctimeMs: timeMs(0x60),
      identity: `${u32(0x88)}:${u32(0x8c)}:${view.getBigUint64(0x20, true)}`,
    };
  }

  /**
   * Lists a directory piece by piece, in the file system's order, never holding more than one
   * buffer of it. Ends quietly when the directory is gone.
   */
  *list(path: string): Generator<DirectoryEntry[]> {
    const fd = this.openDirectory(path);
    if (fd < 0) return;
    const buffer = new Uint8Array(64 * 1024);
    const view = new DataView(buffer.buffer);
    try {
      while (true) {
        const length = Number(this.#lib.symbols.getdents64(fd, buffer, BigInt(buffer.length)));
        if (length <= 0) return;
        yield parseDirents(buffer, view, length);
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
    const watch = this.#lib.symbols.inotify_add_watch(fd, pathBytes(path), mask);
    return watch < 0 ? -this.#errno() : watch;
  }

  inotifyRemove(fd: number, watch: number): void {
    this.#lib.symbols.inotify_rm_watch(fd, watch);
  }

  /** Waits, on another thread, for the next events; empty when the descriptor is of no use. */
  async inotifyRead(fd: number, buffer: Uint8Array<ArrayBuffer>): Promise<InotifyEvent[]> {
    const length = Number(await this.#lib.symbols.read(fd, buffer, BigInt(buffer.length)));
    return length <= 0 ? [] : parseInotify(buffer, length);
  }
}

/** Null when it is gone: descriptors come and go. */
function linkTarget(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

/** struct linux_dirent64: ino, off, u16 length of the record, u8 type, name up to a NUL. */
function parseDirents(buffer: Uint8Array, view: DataView, length: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
    const start = at + 19;
    const bytes = buffer.subarray(start, buffer.indexOf(0, start));
    const name = nameText(bytes);
    if (name === "." || name === "..") continue;
    entries.push({ name, kind: direntKind(buffer[at + 18]) });
  }
  return entries;
}

function direntKind(type: number | undefined): DirectoryEntry["kind"] {
  switch (type) {
    case 0:
      return "unknown";
    case 4:
      return "directory";
    case 8:
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
      name: nameText(end === -1 ? padded : padded.subarray(0, end)),
    });
    at = start + nameLength;
  }
  return events;
}

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** The machine's libc, or the reason why there is none to call. */
export function loadLibc(): Libc | { readonly unavailable: string } {
  let reason = "";
  for (const library of LIBRARIES) {
    try {
      return new Libc(library);
    } catch (error) {
      reason ||= error instanceof Error ? error.message : String(error);
    }
  }
  return { unavailable: reason };
}
