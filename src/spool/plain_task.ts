/**
 * Reads the tasks of a long listing: five system calls for each, and little more. Only what is plain,
 * which is nearly everything: a whole task whose keys fit into the first read. All else is for
 * {@link Inspector.inspect}, which this must agree with.
 */

import type { Libc } from "../platform/libc.ts";
import type { Stat } from "../platform/stat.ts";
import { mayWaitForOthers } from "../task/after.ts";
import { HEADER_SIZE, MODIFIER_SPOOL } from "../wire/packet.ts";
import type { ListedStateKind } from "./inspected.ts";
import { dueTime, madeAt, type TaskRef } from "./layout.ts";
import type { ListFilter } from "./matching.ts";

/** Times are in milliseconds since the epoch. */
export interface PlainTask extends TaskRef {
  readonly state: Exclude<ListedStateKind, "failed">;
  readonly dueAt: number;
  readonly madeAt: number;
  readonly size: number;
  readonly bodySize: number;
  /** Its `ud_spool_func`. Two tasks of the same function mostly have the same array. */
  readonly func: Uint8Array | null;
}

/** Not let through by the filter. */
export const LEFT_OUT = "left out";

/** Null is what is not plain. */
export type TaskReading = PlainTask | typeof LEFT_OUT | null;

export interface TaskReader {
  /**
   * A task by its name in an open directory.
   *
   * @param bytes the name as the kernel has written it, with a NUL at the end
   */
  read(at: number, ref: TaskRef, bytes: Uint8Array<ArrayBuffer>): TaskReading;
}

const FIRST_READ = 4096;
const FUNC = new TextEncoder().encode("ud_spool_func");
/** Functions that are compared with before another copy is made. */
const MOST_KNOWN = 64;

export class PlainTaskReader implements TaskReader {
  readonly #bytes = new Uint8Array(FIRST_READ);
  readonly #funcs = new Funcs();
  readonly #func: Uint8Array | null;
  /** Where the value of `ud_spool_func` is; an end of 0 without one. */
  #funcStart = 0;
  #funcEnd = 0;

  /**
   * @param libc of a process that has claimed nothing: to close a file of its own would drop its lock
   * @param now milliseconds since the epoch
   */
  constructor(
    private readonly libc: Libc,
    private readonly filter: ListFilter,
    private readonly now: number,
  ) {
    this.#func = filter.func === undefined ? null : new TextEncoder().encode(filter.func);
  }

  read(at: number, ref: TaskRef, bytes: Uint8Array<ArrayBuffer>): TaskReading {
    const { states, madeBefore } = this.filter;
    const made = madeAt(ref.name);
    if (made !== null && madeBefore !== undefined && made >= madeBefore) return LEFT_OUT;
    if (states !== undefined && !states.includes("running")) {
      const mtimeMs = this.libc.fileTime(at, bytes);
      if (mtimeMs === null) return null;
      if (!states.includes(this.#stateAt(dueTime(ref.name, mtimeMs, this.now)))) return LEFT_OUT;
    }
    const fd = this.libc.openToRead(at, bytes);
    if (fd < 0) return null;
    try {
      return this.#readOpen(fd, ref, made);
    } finally {
      this.libc.close(fd);
    }
  }

  #readOpen(fd: number, ref: TaskRef, made: number | null): TaskReading {
    const stat = this.libc.fstat(fd);
    if (stat.kind !== "file" || mayWaitForOthers(stat.mtimeMs)) return null;
    const dueAt = dueTime(ref.name, stat.mtimeMs, this.now);
    const state = this.libc.isLocked(fd) ? "running" : this.#stateAt(dueAt);
    const bodySize = this.#readKeys(fd, stat);
    if (bodySize === null) return null;
    const { states, madeBefore } = this.filter;
    const madeAt = made ?? stat.ctimeMs;
    if (states !== undefined && !states.includes(state)) return LEFT_OUT;
    if (madeBefore !== undefined && madeAt >= madeBefore) return LEFT_OUT;
    // Odd bytes are compared as the text that they are shown as.
    if (this.#func !== null && !this.#isFunc(this.#func)) return this.#isOdd() ? null : LEFT_OUT;
    return {
      name: ref.name,
      priority: ref.priority,
      state,
      dueAt,
      madeAt,
      size: stat.size,
      bodySize,
      func: this.#funcEnd === 0
        ? null
        : this.#funcs.find(this.#bytes, this.#funcStart, this.#funcEnd),
    };
  }

  #stateAt(dueAt: number): "ready" | "deferred" {
    return dueAt > this.now ? "deferred" : "ready";
  }

  /** Finds the function among the keys; returns the size of the body, or null when something is wrong. */
  #readKeys(fd: number, { size }: Stat): number | null {
    const bytes = this.#bytes;
    const filled = Math.min(this.libc.readNow(fd, bytes), size);
    if (filled < HEADER_SIZE || bytes[0] !== MODIFIER_SPOOL) return null;
    const end = HEADER_SIZE + this.#lengthAt(1);
    if (end > filled) return null;
    this.#funcStart = this.#funcEnd = 0;
    for (let at = HEADER_SIZE; at < end;) {
      const nameEnd = at + 2 + this.#lengthAt(at);
      const valueStart = nameEnd + 2;
      if (nameEnd === at + 2 || valueStart > end) return null;
      const valueEnd = valueStart + this.#lengthAt(nameEnd);
      if (valueEnd > end) return null;
      if (nameEnd - at - 2 === FUNC.length && hasAt(bytes, at + 2, FUNC)) {
        this.#funcStart = valueStart;
        this.#funcEnd = valueEnd;
      }
      at = valueEnd;
    }
    return size - end;
  }

  #lengthAt(at: number): number {
    return (this.#bytes[at] as number) | ((this.#bytes[at + 1] as number) << 8);
  }

  /** A task without a function is one of the function "". */
  #isFunc(wanted: Uint8Array): boolean {
    const length = Math.max(0, this.#funcEnd - this.#funcStart);
    return length === wanted.length && hasAt(this.#bytes, this.#funcStart, wanted);
  }

  #isOdd(): boolean {
    return this.#bytes.subarray(this.#funcStart, this.#funcEnd).some((byte) => byte >= 0x80);
  }
}

/** Copies of the functions of tasks: mostly all tasks have one of a few. */
export class Funcs {
  readonly #known: Uint8Array[] = [];

  /** A copy of some bytes, mostly the same as before of the same bytes. */
  find(bytes: Uint8Array, start: number, end: number): Uint8Array {
    for (const known of this.#known) {
      if (known.length === end - start && hasAt(bytes, start, known)) return known;
    }
    const func = bytes.slice(start, end);
    if (this.#known.length < MOST_KNOWN) this.#known.push(func);
    return func;
  }
}

function hasAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let n = 0; n < wanted.length; n++) if (bytes[at + n] !== wanted[n]) return false;
  return true;
}
