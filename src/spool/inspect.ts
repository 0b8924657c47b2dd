/**
 * Reads the tasks of a spool for the queue commands, and changes nothing: in which state each is, and
 * what its file says. A running program does not notice.
 */

import { join } from "@std/path";
import type { Clock } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import type { Stat } from "../platform/stat.ts";
import type { Claims, OpenToRead } from "./claim.ts";
import type { Content, Filter, Inspected, ListedState, PlacedTask } from "./inspected.ts";
import {
  ATTEMPTS_DIR,
  dueTime,
  madeAt,
  PAUSED_FILE,
  recordPath,
  taskId,
  type TaskRef,
} from "./layout.ts";
import { Listing, type VisitTask } from "./listing.ts";
import type { PieceReaders } from "./piece_readers.ts";
import { LaterRecordError, readAttempts, readFailed } from "./record_text.ts";
import { SpoolRoot } from "./root.ts";
import { MOST_RECORD_BYTES, readSmallFile } from "./small_file.ts";
import { mayWaitForOthers } from "../task/after.ts";
import { namesIn } from "./waits.ts";
import { readTask } from "./task_file.ts";

export interface InspectorOptions {
  readonly dir: string;
  readonly claims: Claims;
  /** Null where libc cannot be called. */
  readonly libc: Libc | null;
  readonly clock: Clock;
}

interface ReadRecord<T> {
  readonly value: T | null;
  readonly problem: string | null;
}

const NO_RECORD = { value: null, problem: null } as const;

export class Inspector {
  readonly dir: string;
  readonly #claims: Claims;
  readonly #clock: Clock;
  readonly #listing: Listing;
  readonly #root: SpoolRoot | null;

  constructor({ dir, claims, libc, clock }: InspectorOptions) {
    this.dir = dir;
    const root = this.#root = libc && new SpoolRoot(libc, dir);
    this.#claims = root ? claims.within(root) : claims;
    this.#clock = clock;
    this.#listing = new Listing(dir, root, this.#claims);
  }

  pathOf(task: PlacedTask): string {
    return this.#listing.pathOf(task);
  }

  /** Since when nothing is started here, in milliseconds since the epoch; null when things are. */
  pausedSince(): number | null {
    return this.#claims.lstat(join(this.dir, PAUSED_FILE))?.mtimeMs ?? null;
  }

  /** See {@link Listing.list}. */
  list(filter: Filter = {}): Generator<PlacedTask[]> {
    return this.#listing.list(filter);
  }

  /** See {@link Listing.visitQueue}; null where libc cannot be called. */
  visitQueue(readers: PieceReaders, visit: VisitTask): Generator<void> | null {
    return this.#root && this.#listing.visitQueue(this.#root, readers, visit);
  }

  /** See {@link Listing.find}. */
  find(name: string, priority: string | null | undefined): PlacedTask[] {
    return this.#listing.find(name, priority);
  }

  /** See {@link Listing.failedBefore}. */
  failedBefore(): (task: TaskRef) => boolean {
    return this.#listing.failedBefore();
  }

  /** Whether a task could pass the filter; found out without opening its file. */
  mayPass(task: PlacedTask, { states, madeBefore }: Filter): boolean {
    const made = madeAt(task.name);
    if (madeBefore !== undefined && made !== null && made >= madeBefore) return false;
    if (!states || states.includes("running") || task.place === "failed") return true;
    const stat = this.#claims.lstat(this.pathOf(task));
    if (!stat) return false;
    const now = this.#clock.now();
    return states.includes(dueTime(task.name, stat.mtimeMs, now) > now ? "deferred" : "ready");
  }

  /**
   * All that can be said of a task; null when it is gone, or is no file at all.
   *
   * @param mayHaveFailed false when it is known to have no record of failures
   */
  inspect(task: PlacedTask, mayHaveFailed = true): Inspected | null {
    const path = this.pathOf(task);
    const claims = this.#claims;
    const file = claims.peek(path);
    if (file.kind === "gone") return null;
    if (file.kind === "unusable") {
      const stat = claims.lstat(path);
      if (stat?.kind !== "file") return null;
      const content: Content = { kind: "unreadable", reason: file.reason };
      return this.#inspected(task, path, stat, false, content, mayHaveFailed);
    }
    try {
      const content = readContent(file);
      return this.#inspected(task, path, file.stat, file.locked, content, mayHaveFailed);
    } finally {
      file.close();
    }
  }

  #inspected(
    task: PlacedTask,
    path: string,
    stat: Stat,
    locked: boolean,
    content: Content,
    mayHaveFailed: boolean,
  ): Inspected {
    const isFailed = task.place === "failed";
    const record = isFailed ? this.#read(recordPath(path), readFailed) : NO_RECORD;
    const history = mayHaveFailed && !isFailed
      ? this.#read(recordPath(join(this.dir, ATTEMPTS_DIR, taskId(task))), readAttempts)
      : NO_RECORD;
    const state: ListedState = isFailed
      ? { kind: "failed", record: record.value }
      : this.#state(task, stat, locked);
    return {
      ...task,
      path,
      state,
      madeAt: madeAt(task.name) ?? stat.ctimeMs,
      size: stat.size,
      content,
      attempts: record.value?.attempts ?? history.value,
      recordProblem: record.problem ?? history.problem,
      waitsFor: state.kind === "deferred" && mayWaitForOthers(stat.mtimeMs) &&
          content.kind === "task"
        ? namesIn(content.vars)
        : [],
    };
  }

  /** The state of a task, without reading it; null when it is gone, or is no file at all. */
  stateOf(task: PlacedTask): ListedState | null {
    const path = this.pathOf(task);
    if (task.place === "failed") return { kind: "failed", record: null };
    const file = this.#claims.peek(path);
    const stat = file.kind === "open" ? file.stat : this.#claims.lstat(path);
    if (file.kind === "open") file.close();
    if (stat?.kind !== "file") return null;
    return this.#state(task, stat, file.kind === "open" && file.locked);
  }

  #state(task: PlacedTask, stat: Stat, locked: boolean): ListedState {
    if (locked) return { kind: "running" };
    const now = this.#clock.now();
    const dueAt = dueTime(task.name, stat.mtimeMs, now);
    return dueAt > now ? { kind: "deferred", dueAt } : { kind: "ready", dueAt };
  }

  #read<T>(path: string, parse: (text: string | null) => T | null): ReadRecord<T> {
    try {
      return { value: parse(readSmallFile(this.#claims, path, MOST_RECORD_BYTES)), problem: null };
    } catch (error) {
      if (error instanceof LaterRecordError) return { value: null, problem: error.message };
      throw error;
    }
  }

  /**
   * A task's body in pieces; each is gone when the next is asked for.
   *
   * @throws {Error} when the file is gone or is no task
   */
  *body(task: PlacedTask): Generator<Uint8Array> {
    const file = this.#claims.peek(this.pathOf(task));
    if (file.kind !== "open") {
      throw new Error(`read the body: ${file.kind === "gone" ? "the task is gone" : file.reason}`);
    }
    try {
      const content = readContent(file);
      if (content.kind !== "task") throw new Error(`read the body: ${content.reason}`);
      const piece = new Uint8Array(64 * 1024);
      let at = file.stat.size - content.bodySize;
      while (true) {
        const count = file.read(piece, at);
        if (count === 0) return;
        yield piece.subarray(0, count);
        at += count;
      }
    } finally {
      file.close();
    }
  }
}

function readContent(file: OpenToRead): Content {
  const read = readTask(file);
  return read.kind === "task"
    ? { kind: "task", vars: read.vars, bodySize: read.bodySize }
    : { kind: "unreadable", reason: read.reason };
}
