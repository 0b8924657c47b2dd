/** The functions of libc that are called, with their types, and how they are given paths and report errors. */

import { errnoReader } from "./errno.ts";
import { openSymbols } from "./symbols.ts";
import { getSystemErrorName } from "node:util";
import { nameToBytes, nameToShow } from "./name.ts";

const SYMBOLS = {
  openat: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lockf: { parameters: ["i32", "i32", "i64"], result: "i32" },
  // A size of 32 bits, and a result of 31: `usize` takes a BigInt, and `isize` comes back as one or as a number.
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  // Of renameat2 only, which not every libc has under its name.
  syscall: { parameters: ["i64", "i32", "buffer", "i32", "buffer", "u32"], result: "i64" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The longest path that the kernel takes (PATH_MAX), in every encoding of it. */
const PATH_BUFFER = 3 * 4096;

/** As strerror(3) has them: what an administrator meets. */
const TEXTS: ReadonlyMap<number, string> = new Map([
  [1, "Operation not permitted"],
  [2, "No such file or directory"],
  [5, "Input/output error"],
  [13, "Permission denied"],
  [17, "File exists"],
  [20, "Not a directory"],
  [23, "Too many open files in system"],
  [24, "Too many open files"],
  [28, "No space left on device"],
  [30, "Read-only file system"],
  [36, "File name too long"],
  [40, "Too many levels of symbolic links"],
  [116, "Stale file handle"],
  [122, "Disk quota exceeded"],
]);

/** A system call failed in a way that its caller has no answer for. */
export class SystemError extends Error {
  override name = "SystemError";

  /** What the system says, without what was asked of it. */
  readonly text: string;

  constructor(call: string, subject: string, readonly errno: number) {
    const text = TEXTS.get(errno) ?? getSystemErrorName(-errno);
    super(`${call} ${nameToShow(subject)}: ${text} (errno ${errno})`);
    this.text = text;
  }
}

export class LibcCalls {
  readonly symbols;
  /** Of the last call that failed. */
  readonly errno: () => number;
  readonly #path = new PathBuffer();
  readonly #otherPath = new PathBuffer();

  constructor(library: string) {
    this.symbols = openSymbols(library, SYMBOLS);
    this.errno = errnoReader(this.symbols.__errno_location);
  }

  /**
   * A path for the next call.
   *
   * @throws {TypeError} for a path with a NUL, which no file can have
   */
  path(path: PathName): Uint8Array<ArrayBuffer> {
    return typeof path === "string" ? this.#path.take(path) : path;
  }

  /** A second path for the same call, behind the first. */
  otherPath(path: string): Uint8Array<ArrayBuffer> {
    return path === this.#path.text ? this.#path.bytes : this.#otherPath.take(path);
  }

  /** What a call returned, or -errno. */
  result(returned: number): number {
    return returned < 0 ? -this.errno() : returned;
  }
}

/** A text, or the bytes as the kernel has written them, with their NUL. */
export type PathName = string | Uint8Array<ArrayBuffer>;

/** A path as C has it. The same is often asked for twice: a file is made, then renamed. */
class PathBuffer {
  readonly bytes = new Uint8Array(PATH_BUFFER);
  /** What is in it. */
  text = "";

  take(path: string): Uint8Array<ArrayBuffer> {
    if (path === this.text) return this.bytes;
    if (path.includes("\0")) throw new TypeError(`a path cannot hold a NUL: ${path}`);
    this.bytes[nameToBytes(path, this.bytes)] = 0;
    this.text = path;
    return this.bytes;
  }
}
