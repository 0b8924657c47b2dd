/**
 * The calls of libc that a worker makes for every task, with as little around them as can be: the
 * buffers are made once, numbers stay numbers. `src/platform/libc.ts` is the master's.
 */

import {
  AF_UNIX,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EAGAIN,
  EINTR,
  F_TLOCK,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  openLibrary,
  S_IFMT,
  S_IFREG,
  SOCK_CLOEXEC,
  STATX_BASIC_STATS,
} from "../../src/platform/linux.ts";
import { fixedBytes } from "../../src/platform/memory.ts";

/** What a nonblocking call writes to is a field: it must live until the call ends. */
const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lockf: { parameters: ["i32", "i32", "i64"], result: "i32" },
  // Counts that fit into 31 bits: what comes back is never more than what was asked for.
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  // Not in every libc.
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const F_DUPFD_CLOEXEC = 1030;
const SOCK_STREAM = 1;
/** The longest path in a sockaddr_un, its closing NUL not counted. */
const LONGEST_SOCKET_PATH = 107;

/** What {@link WorkerLibc.lstat} found, until the next call. */
export interface FileStat {
  isFile: boolean;
  size: number;
  /** Milliseconds since the epoch, rounded down. */
  mtimeMs: number;
  /** Changes with every rename and utime, too. */
  ctimeMs: number;
  /** Names that it has. */
  links: number;
  /** Device and inode. */
  deviceMajor: number;
  deviceMinor: number;
  inodeLow: number;
  inodeHigh: number;
}

/** A path as the system calls want it. */
export type PathBytes = Uint8Array<ArrayBuffer>;

const { UnsafePointerView } = Deno;
const encoder = new TextEncoder();

const NO_PATH = new Uint8Array(1);

/** struct statx_timestamp: seconds as 64 bits, then nanoseconds. */
function timeMs(view: DataView, at: number): number {
  const seconds = view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32;
  return seconds * 1000 + Math.floor(view.getUint32(at + 8, true) / 1e6);
}

export class WorkerLibc {
  readonly #symbols;
  readonly #statx = new Uint8Array(256);
  readonly #view = new DataView(this.#statx.buffer);
  /** struct pollfd: the kernel writes to it when the poll ends. */
  readonly #pollBytes = fixedBytes(8);
  readonly #pollEntry = new DataView(this.#pollBytes.buffer);

  /** Asked for once: between a failed call and its errno nothing may run that sets errno itself. */
  readonly #errnoView: Deno.UnsafePointerView | null;

  private constructor(library: string) {
    this.#symbols = Deno.dlopen(library, SYMBOLS).symbols;
    const location = this.#symbols.__errno_location();
    this.#errnoView = location === null ? null : new UnsafePointerView(location);
    this.#errnoView?.getInt32();
  }

  /** @throws {Error} where there is no libc that can be called */
  static open(): WorkerLibc {
    const library = openLibrary((name) => new WorkerLibc(name));
    if ("opened" in library) return library.opened;
    throw new Error(`task modules need a libc that can be called: ${library.unavailable}`);
  }

  #errno(): number {
    return this.#errnoView?.getInt32() ?? 0;
  }

  /**
   * The kernel ends this process when its parent dies. The connection ends then, too, but code
   * that loops without end does not notice.
   */
  dieWithParent(): void {
    const PR_SET_PDEATHSIG = 1;
    const SIGKILL = 9n;
    this.#symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n);
  }

  /** What the C library's allocator has free goes back to the system. */
  trimMemory(): void {
    this.#symbols.malloc_trim?.(0n);
  }

  /** A descriptor for reading and locking, or a negative number. Follows no symlink, never blocks. */
  openFile(path: PathBytes): number {
    return this.#symbols.open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }

  /**
   * Opens a file to be written to.
   *
   * @param lowest the descriptor is this or a higher one
   * @returns a negative number when it cannot be opened
   */
  openToWrite(path: string, lowest: number): number {
    const fd = this.#symbols.open(encoder.encode(`${path}\0`), O_WRONLY | O_CLOEXEC, 0);
    return fd < 0 ? fd : this.#lift(fd, lowest);
  }

  /** Writes at the start of a file. What cannot be written is not. */
  writeAtStart(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#symbols.pwrite(fd, bytes, BigInt(bytes.length), 0n);
  }

  /** Takes the POSIX write lock of the whole file; false when another process has it. */
  tryLock(fd: number): boolean {
    return this.#symbols.lockf(fd, F_TLOCK, 0n) === 0;
  }

  /** Fills `into` from the start of the file on; fewer bytes only at its end, or when it fails. */
  read(fd: number, into: Uint8Array<ArrayBuffer>): number {
    let filled = 0;
    while (filled < into.length) {
      const rest = filled === 0 ? into : into.subarray(filled);
      const count = this.#symbols.pread(fd, rest, BigInt(rest.length), BigInt(filled));
      if (count <= 0) break;
      filled += count;
    }
    return filled;
  }

  /** Of the name itself, not of what a symlink points to; false when there is nothing. */
  lstat(path: PathBytes, into: FileStat): boolean {
    return this.#statInto(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, into);
  }

  /** Of an open file. */
  fstat(fd: number, into: FileStat): boolean {
    return this.#statInto(fd, NO_PATH, AT_EMPTY_PATH, into);
  }

  #statInto(fd: number, path: PathBytes, flags: number, into: FileStat): boolean {
    if (this.#symbols.statx(fd, path, flags, STATX_BASIC_STATS, this.#statx) !== 0) return false;
    // struct statx, linux/stat.h; 64-bit numbers as two halves, for a BigInt takes its time.
    const view = this.#view;
    into.isFile = (view.getUint16(0x1c, true) & S_IFMT) === S_IFREG;
    into.size = view.getUint32(0x28, true) + view.getUint32(0x2c, true) * 2 ** 32;
    into.mtimeMs = timeMs(view, 0x70);
    into.ctimeMs = timeMs(view, 0x60);
    into.links = view.getUint32(0x10, true);
    into.deviceMajor = view.getUint32(0x88, true);
    into.deviceMinor = view.getUint32(0x8c, true);
    into.inodeLow = view.getUint32(0x20, true);
    into.inodeHigh = view.getUint32(0x24, true);
    return true;
  }

  unlink(path: PathBytes): boolean {
    return this.#symbols.unlink(path) === 0;
  }

  /**
   * Connects to a unix socket.
   *
   * @param lowest the descriptor is this or a higher one
   * @throws {Error} when it cannot be done
   */
  connect(path: string, lowest: number): number {
    const name = encoder.encode(path);
    if (name.length > LONGEST_SOCKET_PATH) throw new Error(`a socket's path is too long: ${path}`);
    const fd = this.#symbols.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new Error(`make a socket: errno ${this.#errno()}`);
    // struct sockaddr_un: the family, then the path and a NUL.
    const address = new Uint8Array(2 + name.length + 1);
    new DataView(address.buffer).setUint16(0, AF_UNIX, true);
    address.set(name, 2);
    if (this.#symbols.connect(fd, address, address.length) !== 0) {
      throw new Error(`connect to ${path}: errno ${this.#errno()}`);
    }
    return this.#lift(fd, lowest);
  }

  #lift(fd: number, lowest: number): number {
    const moved = this.#symbols.fcntl(fd, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0) return fd;
    this.close(fd);
    return moved;
  }

  /** Sends all of it, however long the other side takes; false when that side is gone. */
  sendAll(fd: number, bytes: Uint8Array<ArrayBuffer>): boolean {
    for (let at = 0; at < bytes.length;) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      const count = this.#symbols.send(fd, rest, BigInt(rest.length), MSG_NOSIGNAL);
      if (count < 0 && this.#errno() !== EINTR) return false;
      if (count > 0) at += count;
    }
    return true;
  }

  /** What is there now: a count of bytes, 0 at the end, null when there is nothing yet. */
  receive(fd: number, into: Uint8Array<ArrayBuffer>): number | null {
    const count = this.#symbols.recv(fd, into, BigInt(into.length), MSG_DONTWAIT);
    if (count >= 0) return count;
    const errno = this.#errno();
    return errno === EAGAIN || errno === EINTR ? null : 0;
  }

  /** Waits, on another thread, until there is something to receive, or the end; one at a time. */
  async readable(fd: number): Promise<void> {
    const POLLIN = 1;
    const entry = this.#pollEntry;
    entry.setInt32(0, fd, true);
    entry.setInt16(4, POLLIN, true);
    await this.#symbols.poll(this.#pollBytes, 1n, -1);
  }
}
