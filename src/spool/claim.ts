/**
 * A claim: an open task file that this process has locked. While it is held no other process, uWSGI
 * among them, runs the task; when the process dies the kernel lets go of it.
 *
 * POSIX locks vanish when any descriptor of the file is closed by the process. So while a claim is
 * held nothing here opens that file a second time: everything is read through the claim.
 */

import { EACCES, ENOENT, type Libc, NO_FILE, type Stat, SystemError } from "../platform/libc.ts";
import { mayHaveMoved } from "./moved.ts";

/** Why a task file cannot be claimed now. */
export type Unclaimed =
  /** Another process runs or writes it, or this one does. */
  | { readonly kind: "busy" }
  /** It was done or moved since it was seen. */
  | { readonly kind: "gone" }
  /** It was put off since it was seen; `dueAt` in milliseconds since the epoch. */
  | { readonly kind: "deferred"; readonly dueAt: number }
  /** It cannot be read, or is no regular file. */
  | { readonly kind: "unusable"; readonly reason: string };

export interface Claim {
  readonly kind: "claimed";
  readonly stat: Stat;
  /** Fills `into` from `offset` on; fewer bytes only at the end of the file. */
  read(into: Uint8Array<ArrayBuffer>, offset: number): number;
  release(): void;
}

/** A task file opened to be looked at, whoever has it. */
export interface Look {
  readonly kind: "open";
  readonly stat: Stat;
  /** Somebody runs it, or writes it. */
  readonly locked: boolean;
  /** Fills `into` from `offset` on; fewer bytes only at the end of the file. */
  read(into: Uint8Array<ArrayBuffer>, offset: number): number;
  close(): void;
}

/** Claims task files; one for each process. */
export interface Claims {
  /** False when claims are not seen by other processes: a directory may have one consumer only. */
  readonly shared: boolean;
  /**
   * @param now milliseconds since the epoch, to tell what is due and what has just changed; with Infinity
   * everything is due
   */
  claim(path: string, now: number): Claim | Unclaimed;
  /**
   * Opens a file without claiming it. Nobody else notices: the lock is asked about and not taken, so
   * that a consumer that comes at that moment does not find the task busy.
   */
  look(path: string): Look | Extract<Unclaimed, { kind: "gone" | "unusable" }>;
  lstat(path: string): Stat | null;
}

const NO_REGULAR_FILE = { kind: "unusable", reason: "it is no regular file" } as const;
const BUSY = { kind: "busy" } as const;

/** A file that this process has locked. */
interface Held {
  readonly fd: number;
  /** More descriptors of the same file: none may be closed before its lock may go. */
  readonly others: number[];
}

/** Claims that uWSGI and every other process respect. */
export class PosixClaims implements Claims {
  readonly shared = true;
  /** The files held, by identity: closing another descriptor of one would drop its lock. */
  readonly #held = new Map<string, Held>();

  constructor(private readonly libc: Libc) {}

  lstat(path: string): Stat | null {
    return this.libc.lstat(path);
  }

  claim(path: string, now: number): Claim | Unclaimed {
    const fd = this.libc.openFile(path);
    if (fd < 0) return unopened(path, -fd);
    let keep = false;
    try {
      if (!this.libc.tryLock(fd)) return BUSY;
      const stat = this.libc.fstat(fd);
      // A lock that this process has already is no hindrance to its next.
      if (this.#held.has(stat.identity)) return BUSY;
      if (stat.kind !== "file") return NO_REGULAR_FILE;
      // Between open and lock another consumer may have finished it, moved it or put it off.
      if (stat.links === 0) return { kind: "gone" };
      if (mayHaveMoved(stat.ctimeMs, now) && this.libc.lstat(path)?.identity !== stat.identity) {
        return { kind: "gone" };
      }
      // The wall clock has whole milliseconds: a file of this very one is not in the future.
      if (Math.floor(stat.mtimeMs) > now) return { kind: "deferred", dueAt: stat.mtimeMs };
      keep = true;
      this.#held.set(stat.identity, { fd, others: [] });
      return {
        kind: "claimed",
        stat,
        read: (into, offset) => this.libc.read(fd, into, offset),
        release: () => this.#release(stat.identity),
      };
    } finally {
      if (!keep) this.#close(fd);
    }
  }

  /** At once, or with the claim of the file when there is one: its lock would go. */
  #close(fd: number): void {
    const held = this.#held.get(this.libc.fstat(fd).identity);
    if (held) held.others.push(fd);
    else this.libc.close(fd);
  }

  #release(identity: string): void {
    const held = this.#held.get(identity);
    if (!held) return;
    this.#held.delete(identity);
    for (const fd of [held.fd, ...held.others]) this.libc.close(fd);
  }

  look(path: string): ReturnType<Claims["look"]> {
    const fd = this.libc.openToRead(path);
    if (fd === -ENOENT) return { kind: "gone" };
    if (fd === -EACCES) return { kind: "unusable", reason: "permission denied" };
    if (NO_FILE.includes(-fd)) return NO_REGULAR_FILE;
    if (fd < 0) return { kind: "unusable", reason: `it cannot be opened: errno ${-fd}` };
    const stat = this.libc.fstat(fd);
    const own = this.#held.get(stat.identity);
    if (own !== undefined) {
      own.others.push(fd);
      return this.#lookAt(own.fd, stat, true, () => {});
    }
    const close = () => this.libc.close(fd);
    if (stat.kind === "file") return this.#lookAt(fd, stat, this.libc.isLocked(fd), close);
    close();
    return NO_REGULAR_FILE;
  }

  #lookAt(fd: number, stat: Stat, locked: boolean, close: () => void): Look {
    const read: Look["read"] = (into, offset) => this.libc.read(fd, into, offset);
    return { kind: "open", stat, locked, read, close };
  }
}

/** @throws {SystemError} for what only time or an administrator can change, like too many open files */
function unopened(path: string, errno: number): Unclaimed {
  if (errno === ENOENT) return { kind: "gone" };
  if (errno === EACCES) return { kind: "unusable", reason: "permission denied" };
  if (NO_FILE.includes(errno)) return NO_REGULAR_FILE;
  throw new SystemError("open", path, errno);
}

/** For a machine whose libc cannot be called: nothing but this process knows of the claims. */
export class PrivateClaims implements Claims {
  readonly shared = false;
  readonly #held = new Set<string>();

  lstat(path: string): Stat | null {
    try {
      const info = Deno.lstatSync(path);
      return {
        kind: info.isFile ? "file" : info.isDirectory ? "directory" : "other",
        size: info.size,
        mtimeMs: info.mtime?.getTime() ?? 0,
        ctimeMs: info.mtime?.getTime() ?? 0,
        links: info.nlink ?? 1,
        identity: `${info.dev}:${info.ino}`,
      };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  claim(path: string, now: number): Claim | Unclaimed {
    const stat = this.lstat(path);
    if (stat === null) return { kind: "gone" };
    if (stat.kind !== "file") return { kind: "unusable", reason: "it is no regular file" };
    if (stat.mtimeMs > now) return { kind: "deferred", dueAt: stat.mtimeMs };
    if (this.#held.has(stat.identity)) return { kind: "busy" };
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { kind: "gone" };
      if (error instanceof Deno.errors.PermissionDenied) {
        return { kind: "unusable", reason: "permission denied" };
      }
      throw error;
    }
    this.#held.add(stat.identity);
    return {
      kind: "claimed",
      stat,
      read: (into, offset) => readAt(file, into, offset),
      release: () => {
        if (this.#held.delete(stat.identity)) file.close();
      },
    };
  }

  look(path: string): ReturnType<Claims["look"]> {
    const stat = this.lstat(path);
    if (stat === null) return { kind: "gone" };
    if (stat.kind !== "file") return { kind: "unusable", reason: "it is no regular file" };
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { kind: "gone" };
      return { kind: "unusable", reason: `it cannot be opened: ${error}` };
    }
    return {
      kind: "open",
      stat,
      locked: this.#held.has(stat.identity),
      read: (into, offset) => readAt(file, into, offset),
      close: () => file.close(),
    };
  }
}

function readAt(file: Deno.FsFile, into: Uint8Array<ArrayBuffer>, offset: number): number {
  file.seekSync(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < into.length) {
    const count = file.readSync(into.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}
