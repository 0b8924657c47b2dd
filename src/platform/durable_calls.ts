/**
 * Calls of libc that put bytes on disk, for whichever thread has a journal to write: each makes its own.
 * They return an errno as a negative number.
 */

import { errnoReader } from "./errno.ts";
import { openSymbols } from "./symbols.ts";
import { AT_EMPTY_PATH, openLibrary } from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import { STATX_SIZE } from "./stat.ts";

const SYMBOLS = {
  // A result of 31 bits is a number; `isize` would come back as number or BigInt.
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  posix_fallocate: { parameters: ["i32", "i64", "i64"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32" },
  // On another thread, without memory of ours.
  fdatasyncLater: { name: "fdatasync", parameters: ["i32"], result: "i32", nonblocking: true },
  syncfsLater: { name: "syncfs", parameters: ["i32"], result: "i32", nonblocking: true },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const LOCK_EX = 2;
const LOCK_NB = 4;
const EIO = 5;
/** The identity of a mount that is never given to another one (since Linux 6.8). */
const STATX_MNT_ID_UNIQUE = 0x4000;
const STX_MASK = 0;
const STX_MNT_ID = 0x90;
/** Of the longest write; a longer one is done in parts. */
const MOST_AT_ONCE = 1 << 30;

type DurableSymbols = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/** Opened once, and kept: by the library's name. */
const opened = new Map<string, DurableSymbols>();

function symbolsOf(library: string): DurableSymbols {
  const known = opened.get(library);
  if (known !== undefined) return known;
  const symbols = openSymbols(library, SYMBOLS);
  opened.set(library, symbols);
  return symbols;
}

export class DurableCalls {
  readonly #symbols: DurableSymbols;
  readonly #errno: () => number;

  constructor(library: string) {
    this.#symbols = symbolsOf(library);
    this.#errno = errnoReader(this.#symbols.__errno_location);
  }

  #result(returned: number): number {
    return returned < 0 ? -(this.#errno() || EIO) : returned;
  }

  /** Writes all of the bytes; 0, or -errno. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
    for (let at = 0; at < bytes.length;) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      const length = Math.min(rest.length, MOST_AT_ONCE);
      const written = this.#symbols.pwrite(fd, rest, BigInt(length), BigInt(offset + at));
      if (written < 0) return this.#result(written);
      // A disk that takes nothing, and says no error, would be asked for ever.
      if (written === 0) return -EIO;
      at += written;
    }
    return 0;
  }

  /** The bytes of a file, and what it takes to find them, are on disk. */
  sync(fd: number): number {
    return this.#result(this.#symbols.fdatasync(fd));
  }

  /** Gives a file its blocks, up to so many bytes. */
  allocate(fd: number, bytes: number): number {
    return -this.#symbols.posix_fallocate(fd, 0n, BigInt(bytes));
  }

  /** Locks an open file against all who open it themselves; false when somebody else has locked it. */
  tryLock(fd: number): boolean {
    return this.#symbols.flock(fd, LOCK_EX | LOCK_NB) === 0;
  }

  /** All that was changed in the file system of an open file is on disk. */
  syncFileSystem(fd: number): number {
    return this.#result(this.#symbols.syncfs(fd));
  }

  /** Which mount an open file is on; null where the kernel has no lasting name for it. */
  mountOf(fd: number): string | null {
    const stat = fixedBytes(STATX_SIZE);
    const mask = STATX_MNT_ID_UNIQUE;
    if (this.#symbols.statx(fd, new Uint8Array(1), AT_EMPTY_PATH, mask, stat) !== 0) return null;
    const view = new DataView(stat.buffer);
    const isKnown = (view.getUint32(STX_MASK, true) & mask) !== 0;
    return isKnown ? String(view.getBigUint64(STX_MNT_ID, true)) : null;
  }

  /** {@link sync} on another thread. False when it failed; its errno stays there. */
  async syncLater(fd: number): Promise<boolean> {
    return await this.#symbols.fdatasyncLater(fd) === 0;
  }

  /** {@link syncFileSystem} on another thread. */
  async syncFileSystemLater(fd: number): Promise<boolean> {
    return await this.#symbols.syncfsLater(fd) === 0;
  }
}

/** Null where libc cannot be called. */
export function durableCalls(): DurableCalls | null {
  const library = openLibrary((name) => new DurableCalls(name));
  return "opened" in library ? library.opened : null;
}
