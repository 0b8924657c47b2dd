/**
 * A claim: an open task file that this process has locked. While it is held no other process, uWSGI
 * among them, runs the task; when the process dies the kernel lets go of it.
 *
 * POSIX locks vanish when any descriptor of the file is closed by the process. So while a claim is
 * held nothing here opens that file a second time: everything is read through the claim.
 */

import { type Libc, NO_FILE, SystemError } from "../platform/libc.ts";
import { DENIED } from "../platform/reason.ts";
import { EACCES, ENOENT } from "../platform/linux.ts";
import type { Stat } from "../platform/stat.ts";
import { dueTime } from "./layout.ts";
import { mayHaveLostName } from "./named.ts";
import { type Locator, PLAIN_PATHS, SpoolRoot } from "./root.ts";

/** Why a task file cannot be claimed now. */
export type Unclaimed =
  /** Another process runs or writes it, or this one does. */
  | { readonly kind: "busy" }
  /** It was done or moved since it was seen. */
  | { readonly kind: "gone" }
  /** It was deferred since it was seen; `dueAt` in milliseconds since the epoch. */
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

/** A file opened to be read, even while another process holds it. */
export interface OpenToRead {
  readonly kind: "open";
  readonly stat: Stat;
  /** Somebody runs it, or writes it. */
  readonly locked: boolean;
  /** Fills `into` from `offset` on; fewer bytes only at the end of the file. */
  read(into: Uint8Array<ArrayBuffer>, offset: number): number;
  close(): void;
}

export type Peek = OpenToRead | Extract<Unclaimed, { kind: "gone" | "unusable" }>;

/** Claims task files. All that come from one of them know of each other's claims. */
export interface Claims {
  /** False when claims are not seen by other processes: a directory may have one consumer only. */
  readonly shared: boolean;
  /**
   * @param now milliseconds since the epoch, to decide what is due and what has just changed; with
   * Infinity everything is due
   */
  claim(path: string, now: number): Claim | Unclaimed;
  /**
   * Opens a file without claiming it. Nobody else notices: the lock is asked about and not taken, so
   * that a consumer that comes at that moment does not find the task busy.
   */
  peek(path: string): Peek;
  lstat(path: string): Stat | null;
  /** The same claims, for the files of a spool that is held open. */
  within(root: SpoolRoot): Claims;
  /** Whether this user may have made what the program believes. */
  trusts(uid: number): boolean;
}

export const NO_REGULAR_FILE = { kind: "unusable", reason: "it is not a regular file" } as const;
const BUSY = { kind: "busy" } as const;

/** A file that this process has locked. */
interface HeldLock {
  readonly fd: number;
  /** More descriptors of the same file: none may be closed before its lock may go. */
  readonly others: number[];
}

/** Claims that uWSGI and every other process respect. */
export class PosixClaims implements Claims {
  readonly shared = true;

  /** @param held the files held, by identity: closing another descriptor of one would drop its lock */
  constructor(
    private readonly libc: Libc,
    private readonly locator: Locator = PLAIN_PATHS,
    private readonly held = new Map<string, HeldLock>(),
  ) {}

  within(root: SpoolRoot): Claims {
    return new PosixClaims(this.libc, root, this.held);
  }

  trusts(uid: number): boolean {
    const { locator } = this;
    return locator instanceof SpoolRoot ? locator.trusts(uid) : uid === 0 || uid === Deno.uid();
  }

  lstat(path: string): Stat | null {
    const location = this.locator.locate(path);
    if (typeof location === "number") return null;
    try {
      return this.libc.lstat(location.at, location.name);
    } finally {
      this.locator.leave(location);
    }
  }

  /** @param open makes a descriptor, or says -errno */
  #open(path: string, open: (at: number, name: string) => number): number {
    const location = this.locator.locate(path);
    if (typeof location === "number") return location;
    try {
      return open(location.at, location.name);
    } finally {
      this.locator.leave(location);
    }
  }

  claim(path: string, now: number): Claim | Unclaimed {
    const fd = this.#open(path, (at, name) => this.libc.openFile(at, name));
    if (fd < 0) return unopened(path, -fd);
    let keep = false;
    try {
      if (!this.libc.tryLock(fd)) return BUSY;
      const stat = this.libc.fstat(fd);
      // A lock that this process has already is no hindrance to its next.
      if (this.held.has(stat.identity)) return BUSY;
      if (stat.kind !== "file") return NO_REGULAR_FILE;
      // Between open and lock another consumer may have finished it, moved it or deferred it.
      if (stat.links === 0) return { kind: "gone" };
      if (mayHaveLostName(stat.ctimeMs, now) && this.lstat(path)?.identity !== stat.identity) {
        return { kind: "gone" };
      }
      const dueAt = dueTime(path, stat.mtimeMs, now);
      // The wall clock has whole milliseconds: a file of this very one is not in the future.
      if (Math.floor(dueAt) > now) return { kind: "deferred", dueAt };
      keep = true;
      this.held.set(stat.identity, { fd, others: [] });
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
    const held = this.held.get(this.libc.fstat(fd).identity);
    if (held) held.others.push(fd);
    else this.libc.close(fd);
  }

  #release(identity: string): void {
    const held = this.held.get(identity);
    if (!held) return;
    this.held.delete(identity);
    for (const fd of [held.fd, ...held.others]) this.libc.close(fd);
  }

  peek(path: string): Peek {
    // One that is held is read through its claim: each more descriptor would stay open with it.
    const held = this.#heldAt(path);
    if (held !== null) return this.#reading(held.fd, held.stat, true, () => {});
    const fd = this.#open(path, (at, name) => this.libc.openToRead(at, name));
    if (fd === -ENOENT) return { kind: "gone" };
    if (fd === -EACCES) return { kind: "unusable", reason: DENIED };
    if (NO_FILE.includes(-fd)) return NO_REGULAR_FILE;
    if (fd < 0) return { kind: "unusable", reason: `it cannot be opened: errno ${-fd}` };
    const stat = this.libc.fstat(fd);
    const own = this.held.size === 0 ? undefined : this.held.get(stat.identity);
    if (own !== undefined) {
      own.others.push(fd);
      return this.#reading(own.fd, stat, true, () => {});
    }
    const close = () => this.libc.close(fd);
    if (stat.kind === "file") return this.#reading(fd, stat, this.libc.isLocked(fd), close);
    close();
    return NO_REGULAR_FILE;
  }

  #heldAt(path: string): { readonly fd: number; readonly stat: Stat } | null {
    const stat = this.held.size === 0 ? null : this.lstat(path);
    const fd = stat === null ? undefined : this.held.get(stat.identity)?.fd;
    return stat === null || fd === undefined ? null : { fd, stat };
  }

  #reading(fd: number, stat: Stat, locked: boolean, close: () => void): OpenToRead {
    const read: OpenToRead["read"] = (into, offset) => this.libc.read(fd, into, offset);
    return { kind: "open", stat, locked, read, close };
  }
}

/** @throws {SystemError} for what only time or an administrator can change, like too many open files */
function unopened(path: string, errno: number): Unclaimed {
  if (errno === ENOENT) return { kind: "gone" };
  if (errno === EACCES) return { kind: "unusable", reason: DENIED };
  if (NO_FILE.includes(errno)) return NO_REGULAR_FILE;
  throw new SystemError("open", path, errno);
}
