/**
 * Claims task files as `src/spool/claim.ts` does, and reads them: the same rules, fewer calls.
 */

import { nameToBytes } from "../../src/platform/name.ts";
import { mayHaveLostName } from "../../src/spool/named.ts";
import { decodeHeader, HEADER_SIZE, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { type FileStat, type PathBytes, type WorkerLibc } from "./libc.ts";
import { wallMs } from "./clock.ts";
import { realm } from "./realm.ts";
import { readVars } from "./vars.ts";

/** A task that this worker has locked and read. */
export interface TakenTask {
  readonly kind: "taken";
  readonly path: PathBytes;
  readonly fd: number;
  readonly vars: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Why its body was not read: it would never fit into memory. */
  readonly tooLarge: string | null;
}

export type Taken =
  | TakenTask
  /** As the answers of the protocol: nothing is held. */
  | "gone"
  | "busy"
  | "inspect";

/** PATH_MAX, and room for a name that is longer than any can be. */
const LONGEST_PATH = 8192;
const NO_BODY = new Uint8Array(0);
/** Enough for every packet. */
const SCRATCH_SIZE = 128 * 1024;
/** Of one task, body and all, as Python workers have it. */
const LARGEST_TASK = 2 ** 30;

const newStat = (): FileStat => ({
  isFile: false,
  size: 0,
  mtimeMs: 0,
  ctimeMs: 0,
  links: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  inodeLow: 0,
  inodeHigh: 0,
});

export class WorkerClaims {
  /** Of the open file, and of what has its name. */
  readonly #now = newStat();
  readonly #named = newStat();
  readonly #scratch = new Uint8Array(SCRATCH_SIZE);
  /** The directory and a slash; a task's id comes behind. One task at a time has a path. */
  readonly #path = new Uint8Array(LONGEST_PATH);
  readonly #idStart: number;
  #idLength = 0;

  constructor(private readonly libc: WorkerLibc, dir: string) {
    this.#idStart = nameToBytes(`${dir}/`, this.#path);
  }

  #pathOf(id: string): PathBytes {
    // Names that are no UTF-8 need more of the engine.
    if (!id.isWellFormed()) realm.restoreAll();
    const length = nameToBytes(id, this.#path.subarray(this.#idStart));
    this.#path[this.#idStart + length] = 0;
    this.#idLength = length;
    return this.#path;
  }

  /** The id of the task that was taken last, and a NUL. */
  get lastId(): Uint8Array<ArrayBuffer> {
    return this.#path.subarray(this.#idStart, this.#idStart + this.#idLength + 1);
  }

  /** Locks a task and reads it. The caller closes the descriptor of the {@link TakenTask}. */
  take(id: string): Taken {
    const { libc } = this;
    const path = this.#pathOf(id);
    const openedAt = wallMs();
    const fd = libc.openFile(path);
    if (fd < 0) return libc.lstat(path, this.#named) ? "inspect" : "gone";
    let taken: Taken = "inspect";
    try {
      taken = this.#read(path, fd, openedAt);
    } finally {
      if (typeof taken === "string") libc.close(fd);
    }
    return taken;
  }

  #read(path: PathBytes, fd: number, openedAt: number): Taken {
    const { libc } = this;
    if (!libc.tryLock(fd)) return "busy";
    const now = this.#now;
    if (!libc.fstat(fd, now) || !now.isFile) return "inspect";
    // Between open and lock another consumer may have finished it, moved it or deferred it.
    if (now.links === 0) return "gone";
    if (now.mtimeMs > wallMs()) return "inspect";
    const isNamed = () => libc.lstat(path, this.#named) && isSameFile(this.#named, now);
    if (mayHaveLostName(now.ctimeMs, openedAt) && !isNamed()) return "gone";
    const { size } = now;
    if (size < HEADER_SIZE) return "inspect";
    const fits = size <= SCRATCH_SIZE;
    const isTooLarge = size > LARGEST_TASK;
    const bytes = fits
      ? this.#scratch.subarray(0, size)
      : isTooLarge
      ? this.#scratch
      : new Uint8Array(size);
    if (libc.read(fd, bytes) < bytes.length) return "inspect";
    const header = decodeHeader(bytes);
    const bodyStart = HEADER_SIZE + header.size;
    if (header.modifier1 !== MODIFIER_SPOOL || bodyStart > size) return "inspect";
    const vars = readVars(bytes, HEADER_SIZE, bodyStart);
    if (vars === null) return "inspect";
    const tooLarge = isTooLarge
      ? `it has ${size} bytes, and task code gets ${LARGEST_TASK} at most`
      : null;
    const body = bodyStart === size || isTooLarge
      ? NO_BODY
      : fits
      ? bytes.slice(bodyStart)
      : bytes.subarray(bodyStart);
    return { kind: "taken", path, fd, vars, body, tooLarge };
  }
}

function isSameFile(a: FileStat, b: FileStat): boolean {
  return a.inodeLow === b.inodeLow && a.inodeHigh === b.inodeHigh &&
    a.deviceMinor === b.deviceMinor && a.deviceMajor === b.deviceMajor;
}
