/** What the kernel says about a file: struct statx (linux/stat.h). @pure */

import { S_IFDIR, S_IFMT, S_IFREG } from "./linux.ts";

export interface Stat {
  readonly kind: "file" | "directory" | "other";
  /** Permissions, without the kind of file. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Milliseconds since the epoch, with fractions. */
  readonly mtimeMs: number;
  /** Changes with every write, rename and utime, and cannot be set. */
  readonly ctimeMs: number;
  /** Names that the file has; 0 of one that was removed while it is open. */
  readonly links: number;
  /** The file system it is on. */
  readonly device: string;
  /** Device and inode: the same for two names of one file. */
  readonly identity: string;
}

export const STATX_SIZE = 256;

/** Thousands are made at a time: what is rarely asked for is made when it is. */
export class StatxStat implements Stat {
  readonly kind: Stat["kind"];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly links: number;
  readonly #inode: number;
  readonly #inodeHigh: number;
  readonly #deviceMajor: number;
  readonly #deviceMinor: number;

  constructor(view: DataView) {
    const mode = view.getUint16(0x1c, true);
    const format = mode & S_IFMT;
    this.kind = format === S_IFREG ? "file" : format === S_IFDIR ? "directory" : "other";
    this.mode = mode & ~S_IFMT;
    this.uid = view.getUint32(0x14, true);
    this.gid = view.getUint32(0x18, true);
    this.size = view.getUint32(0x28, true) + 2 ** 32 * view.getUint32(0x2c, true);
    this.mtimeMs = timeMs(view, 0x70);
    this.ctimeMs = timeMs(view, 0x60);
    this.links = view.getUint32(0x10, true);
    this.#inode = view.getUint32(0x20, true);
    this.#inodeHigh = view.getUint32(0x24, true);
    this.#deviceMajor = view.getUint32(0x88, true);
    this.#deviceMinor = view.getUint32(0x8c, true);
  }

  get device(): string {
    return `${this.#deviceMajor}:${this.#deviceMinor}`;
  }

  get identity(): string {
    return `${this.device}:${this.#inodeHigh}:${this.#inode}`;
  }
}

/** Of a regular file its mtime, as {@link Stat} has it; null of anything else. */
export function fileTime(view: DataView): number | null {
  return (view.getUint16(0x1c, true) & S_IFMT) === S_IFREG ? timeMs(view, 0x70) : null;
}

/** struct statx_timestamp: seconds with a sign, nanoseconds. */
function timeMs(view: DataView, at: number): number {
  const seconds = 2 ** 32 * view.getInt32(at + 4, true) + view.getUint32(at, true);
  return seconds * 1000 + view.getUint32(at + 8, true) / 1e6;
}

/** A device as statx(2) has it, by the st_dev of stat(2), which is major and minor in one (sys/sysmacros.h). */
export function deviceText(dev: number): string {
  const bits = BigInt(dev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn);
  const minor = (bits & 0xffn) | ((bits >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}
