/**
 * A spool's directory, held open. Names below it are found relative to the open directory and through
 * no symlink, so that a user who may write to the spool cannot lead the program out of it. Directories
 * of the program's own must belong to it, to the spool's owner, or to root.
 */

import type { Libc } from "../platform/libc.ts";
import { AT_FDCWD, EINVAL, ENOENT, EPERM, O_DIRECTORY, O_NOFOLLOW } from "../platform/linux.ts";
import type { Stat } from "../platform/stat.ts";
import { ATTEMPTS_DIR, FAILED_DIR, RUNNING_DIR, STATE_DIR, TMP_DIR } from "./layout.ts";

/** A name in an open directory, for one call. */
export interface Location {
  readonly at: number;
  readonly name: string;
  /** The directory was opened for this call. */
  readonly isOwn: boolean;
  /** It stays open for later calls, and may have been removed since. */
  readonly isKept: boolean;
}

/** How paths become locations. Every location that is given is to be left. */
export interface Locator {
  /** -errno when a directory on the way cannot be opened, is a symlink, or is somebody else's. */
  locate(path: string): Location | number;
  leave(location: Location): void;
}

/** Paths as they are. */
export const PLAIN_PATHS: Locator = {
  locate: (path) => ({ at: AT_FDCWD, name: path, isOwn: false, isKept: false }),
  leave() {},
};

interface HeldRoot {
  readonly fd: number;
  readonly stat: Stat;
}

/** Used for each task: these stay open. */
const KEPT: readonly string[] = [TMP_DIR, ATTEMPTS_DIR, RUNNING_DIR];

export class SpoolRoot implements Locator {
  #held: HeldRoot | null = null;
  /** Why it could not be opened, negative. */
  #errno = 0;
  /** Of {@link KEPT}. */
  readonly #kept = new Map<string, number>();
  readonly #prefix: string;
  readonly #tmpPrefix: string;
  /** A path in tmp that was used last, and its name there. */
  #tmpPath = "";
  #tmpName = "";

  constructor(readonly libc: Libc, readonly path: string) {
    this.#prefix = `${path}/`;
    this.#tmpPrefix = `${path}/${TMP_DIR}/`;
  }

  /** The directory as it was when it was opened; null before, and when it could not be. */
  get stat(): Stat | null {
    return this.#hold()?.stat ?? null;
  }

  /**
   * Whom files belong to that this process makes here; null when they are its own. What root makes in
   * the spool of somebody else must be of use to that user.
   */
  get owner(): { readonly uid: number; readonly gid: number } | null {
    const stat = this.#hold()?.stat;
    return stat && stat.uid !== 0 && Deno.uid() === 0 ? stat : null;
  }

  /** Whether a user may have made what this program believes. */
  trusts(uid: number): boolean {
    return uid === 0 || uid === Deno.uid() || uid === this.#hold()?.stat.uid;
  }

  #hold(): HeldRoot | null {
    if (this.#held) return this.#held;
    const fd = this.libc.openDirectory(AT_FDCWD, this.path);
    this.#errno = Math.min(fd, 0);
    return this.#held = fd < 0 ? null : { fd, stat: this.libc.fstat(fd) };
  }

  /** Lets go of the directory; the next use opens what the path leads to then. */
  release(): void {
    this.#forget();
    if (this.#held) this.libc.close(this.#held.fd);
    this.#held = null;
  }

  #forget(): void {
    for (const fd of this.#kept.values()) this.libc.close(fd);
    this.#kept.clear();
  }

  locate(path: string): Location | number {
    return this.#locate(path, true);
  }

  /** @param isChecked a kept directory is still there; otherwise that shows when it is used */
  #locate(path: string, isChecked: boolean): Location | number {
    const held = this.#hold();
    if (!path.startsWith(this.#prefix)) {
      return path === this.path && held
        ? { at: held.fd, name: ".", isOwn: false, isKept: false }
        : PLAIN_PATHS.locate(path);
    }
    if (!held) return this.#errno;
    const start = this.#prefix.length;
    // From the front: what comes once a task is short, and this is the cheaper way to search.
    if (path.indexOf("/", start) < 0) {
      return { at: held.fd, name: path.slice(start), isOwn: false, isKept: false };
    }
    const slash = path.lastIndexOf("/");
    const dir = path.slice(start, slash);
    const name = path.slice(slash + 1);
    const isKept = KEPT.includes(dir);
    const kept = isKept ? isChecked ? this.#keptOf(dir) : this.#kept.get(dir) : undefined;
    if (kept !== undefined) return { at: kept, name, isOwn: false, isKept: true };
    const fd = this.#openDirectory(held.fd, dir);
    if (fd < 0) return fd;
    if (isKept) this.#kept.set(dir, fd);
    return { at: fd, name, isOwn: !isKept, isKept };
  }

  /** Undefined also when somebody has removed it meanwhile. */
  #keptOf(dir: string): number | undefined {
    const fd = this.#kept.get(dir);
    if (fd === undefined || this.libc.fstat(fd).links > 0) return fd;
    this.#forget();
    return undefined;
  }

  #openDirectory(root: number, dir: string): number {
    if (/(?:^|\/)\.\.(?:\/|$)/.test(dir)) return -EINVAL;
    let fd = root;
    for (const name of dir.split("/")) {
      const next = this.libc.openPlace(fd, name, O_DIRECTORY | O_NOFOLLOW);
      if (fd !== root) this.libc.close(fd);
      if (next < 0) return next;
      fd = next;
      const isState = name === STATE_DIR || name === FAILED_DIR;
      if (!isState || this.trusts(this.libc.fstat(fd).uid)) continue;
      this.libc.close(fd);
      return -EPERM;
    }
    return fd;
  }

  leave({ at, isOwn }: Location): void {
    if (isOwn) this.libc.close(at);
  }

  /** Makes a call with the location of a path; -errno without one. */
  in(path: string, call: (at: number, name: string) => number): number {
    const location = this.#locate(path, false);
    if (typeof location === "number") return location;
    let isGone = false;
    try {
      const result = call(location.at, location.name);
      // A kept directory that was removed has no names, and takes none.
      isGone = result === -ENOENT && location.isKept && this.libc.fstat(location.at).links === 0;
      if (!isGone) return result;
    } finally {
      this.leave(location);
    }
    this.#forget();
    return this.in(path, call);
  }

  /** {@link Libc.createFile}. */
  createFile(path: string, mode: number): number {
    const made = this.#isInTmp(path)
      ? this.libc.createFile(this.#kept.get(TMP_DIR) ?? -1, this.#tmpName, mode)
      : -ENOENT;
    if (made !== -ENOENT) return made;
    return this.in(path, (at, name) => this.libc.createFile(at, name, mode));
  }

  /** {@link Libc.createNameless}, in tmp. */
  createNameless(mode: number): number {
    const tmp = this.#kept.get(TMP_DIR);
    if (tmp !== undefined) {
      const made = this.libc.createNameless(tmp, mode);
      if (made >= 0 || this.libc.fstat(tmp).links > 0) return made;
      this.#forget();
    }
    return this.in(`${this.#tmpPrefix}.`, (at) => this.libc.createNameless(at, mode));
  }

  /** {@link Libc.nameFile}. */
  nameFile(fd: number, path: string): number {
    const start = this.#prefix.length;
    if (this.#held && path.startsWith(this.#prefix) && path.indexOf("/", start) < 0) {
      return this.libc.nameFile(fd, this.#held.fd, path.slice(start));
    }
    return this.in(path, (at, name) => this.libc.nameFile(fd, at, name));
  }

  /** {@link Libc.rename}. */
  rename(from: string, to: string): number {
    const start = this.#prefix.length;
    const isQuick = this.#isInTmp(from) && to.startsWith(this.#prefix) &&
      to.indexOf("/", start) < 0;
    const renamed = isQuick && this.#held
      ? this.libc.rename(
        this.#kept.get(TMP_DIR) ?? -1,
        this.#tmpName,
        this.#held.fd,
        to.slice(start),
      )
      : -ENOENT;
    if (renamed !== -ENOENT) return renamed;
    return this.in(
      from,
      (fromAt, source) =>
        this.in(to, (toAt, target) => this.libc.rename(fromAt, source, toAt, target)),
    );
  }

  /**
   * Whether a path is one in tmp, which is open; then its name is there. This comes once or twice a task, and
   * the general way takes longer than the system call.
   */
  #isInTmp(path: string): boolean {
    if (!this.#kept.has(TMP_DIR)) return false;
    if (path === this.#tmpPath) return true;
    const { length } = this.#tmpPrefix;
    if (!path.startsWith(this.#tmpPrefix) || path.indexOf("/", length) >= 0) return false;
    this.#tmpName = path.slice(length);
    this.#tmpPath = path;
    return true;
  }

  /** A directory for listing, or for syncing; never a symlink below the spool. */
  openDirectory(path: string): number {
    return this.in(path, (at, name) => this.libc.openDirectory(at, name, O_NOFOLLOW));
  }
}
