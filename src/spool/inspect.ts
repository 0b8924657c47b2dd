/**
 * Looks at the tasks of a spool and changes nothing: what is there, in which state, and what its
 * file says. Works beside a running program, which does not notice.
 *
 * A directory of any size is looked at piece by piece. What changes state while a listing goes on may
 * appear in both states or in none.
 */

import { join } from "node:path";
import type { Clock } from "../platform/clock.ts";
import { EACCES, ENOENT, type Libc, SystemError } from "../platform/libc.ts";
import type { Var } from "../wire/packet.ts";
import type { Claims, Look } from "./claim.ts";
import {
  ATTEMPTS_DIR,
  FAILED_DIR,
  isPriorityName,
  isRecordName,
  isTaskName,
  madeAt,
  PAUSED_FILE,
  recordPath,
  taskId,
  type TaskRef,
} from "./layout.ts";
import type { Attempts, FailedRecord } from "./store.ts";
import { readTask } from "./task_file.ts";

/** Where a task's file lies: waiting or running, or given up. */
export type Place = "queue" | "failed";

export interface PlacedTask extends TaskRef {
  readonly place: Place;
}

/** A task's state with what belongs to it. Times are in milliseconds since the epoch. */
export type TaskState =
  | { readonly kind: "ready"; readonly dueAt: number }
  | { readonly kind: "deferred"; readonly dueAt: number }
  /** Locked by the process that runs it, or by one that still writes it. */
  | { readonly kind: "running" }
  /** The record is null when a person, and not the program, put the file there. */
  | { readonly kind: "failed"; readonly record: FailedRecord | null };

export type StateKind = TaskState["kind"];
export const STATE_KINDS: readonly StateKind[] = ["ready", "deferred", "running", "failed"];

/** What the file holds. */
export type Content =
  | { readonly kind: "task"; readonly vars: readonly Var[]; readonly bodySize: number }
  | { readonly kind: "unreadable"; readonly reason: string };

export interface Inspected extends PlacedTask {
  readonly path: string;
  readonly state: TaskState;
  /** When it was made, as its name says, or else when its file last changed; ms since the epoch. */
  readonly madeAt: number;
  readonly size: number;
  readonly content: Content;
  /** What is known of its failures, in whichever place that is kept. */
  readonly attempts: Attempts | null;
}

/** Which tasks a listing shows. What is not asked for is not read. */
export interface Filter {
  readonly states?: readonly StateKind[];
  /** Made before this, in milliseconds since the epoch. */
  readonly madeBefore?: number;
}

export interface InspectorOptions {
  readonly dir: string;
  readonly claims: Claims;
  /** Null where libc cannot be called. */
  readonly libc: Libc | null;
  readonly clock: Clock;
}

export class Inspector {
  readonly dir: string;
  readonly #options: InspectorOptions;

  constructor(options: InspectorOptions) {
    this.dir = options.dir;
    this.#options = options;
  }

  pathOf(task: PlacedTask): string {
    return task.place === "failed"
      ? `${this.dir}/${FAILED_DIR}/${taskId(task)}`
      : `${this.dir}/${taskId(task)}`;
  }

  /** Since when nothing is started here, in milliseconds since the epoch; null when things are. */
  pausedSince(): number | null {
    return this.#options.claims.lstat(join(this.dir, PAUSED_FILE))?.mtimeMs ?? null;
  }

  /**
   * Everything that has a task's name, in pieces and in the file system's order.
   *
   * @throws {Deno.errors.PermissionDenied} when a directory may not be read
   */
  *list(filter: Filter = {}): Generator<PlacedTask[]> {
    const { states = STATE_KINDS } = filter;
    if (states.some((state) => state !== "failed")) yield* this.#listPlace("queue");
    if (states.includes("failed")) yield* this.#listPlace("failed");
  }

  *#listPlace(place: Place): Generator<PlacedTask[]> {
    const top = place === "failed" ? join(this.dir, FAILED_DIR) : this.dir;
    const priorities: string[] = [];
    for (const names of this.#names(top)) {
      priorities.push(...names.filter(isPriorityName));
      yield this.#tasksOf(names, place, null);
    }
    for (const priority of priorities) {
      for (const names of this.#names(join(top, priority))) {
        yield this.#tasksOf(names, place, priority);
      }
    }
  }

  #tasksOf(names: readonly string[], place: Place, priority: string | null): PlacedTask[] {
    return names.filter(isTaskName)
      .map((name) => ({ name, priority, place }))
      .filter((task) => !this.#isRecord(task));
  }

  /** In failed/, what ends in .json is a record, and a task only when it has a record of its own. */
  #isRecord(task: PlacedTask): boolean {
    if (task.place === "queue" || !isRecordName(task.name)) return false;
    return this.#options.claims.lstat(recordPath(this.pathOf(task))) === null;
  }

  *#names(dir: string): Generator<string[]> {
    const { libc } = this.#options;
    for (const entries of libc ? listReadable(libc, dir) : listWithDeno(dir)) {
      yield entries.map(({ name }) => name);
    }
  }

  /**
   * Where a task of this name lies, in all places it could be.
   *
   * @param priority null for the spool directory itself; undefined when it is not known
   */
  find(name: string, priority: string | null | undefined): PlacedTask[] {
    const places: readonly Place[] = ["queue", "failed"];
    const there = (priority: string | null) =>
      places.map((place) => ({ name, priority, place }))
        .filter((task) => this.#options.claims.lstat(this.pathOf(task))?.kind === "file");
    if (priority !== undefined) return there(priority);
    const found = there(null);
    return found.length > 0 ? found : [...this.#priorities()].flatMap(there);
  }

  #priorities(): Set<string> {
    const priorities = new Set<string>();
    for (const dir of [this.dir, join(this.dir, FAILED_DIR)]) {
      for (const names of this.#names(dir)) {
        for (const name of names) if (isPriorityName(name)) priorities.add(name);
      }
    }
    return priorities;
  }

  /** Whether a task could pass the filter; found out without opening its file. */
  mayPass(task: PlacedTask, { states, madeBefore }: Filter): boolean {
    const made = madeAt(task.name);
    if (madeBefore !== undefined && made !== null && made >= madeBefore) return false;
    if (!states || states.includes("running") || task.place === "failed") return true;
    const stat = this.#options.claims.lstat(this.pathOf(task));
    if (!stat) return false;
    return states.includes(stat.mtimeMs > this.#options.clock.now() ? "deferred" : "ready");
  }

  /**
   * Which tasks have failed before, as of now: so that a long listing need not look for a record of each
   * task.
   */
  failedBefore(): (task: TaskRef) => boolean {
    const top = join(this.dir, ATTEMPTS_DIR);
    const records = new Set<string>();
    const subs: string[] = [""];
    for (let sub = subs.pop(); sub !== undefined; sub = subs.pop()) {
      for (const names of this.#names(join(top, sub))) {
        for (const name of names) {
          if (isPriorityName(name)) subs.push(name);
          else records.add(join(sub, name));
        }
      }
    }
    return (task) => records.size > 0 && records.has(recordPath(taskId(task)));
  }

  /**
   * All that can be said of a task; null when it is gone, or is no file at all.
   *
   * @param mayHaveFailed false when it is known to have no record of failures
   */
  inspect(task: PlacedTask, mayHaveFailed = true): Inspected | null {
    const path = this.pathOf(task);
    const { claims } = this.#options;
    const look = claims.look(path);
    if (look.kind === "gone") return null;
    if (look.kind === "unusable") {
      const stat = claims.lstat(path);
      if (stat?.kind !== "file") return null;
      const content: Content = { kind: "unreadable", reason: look.reason };
      return this.#inspected(task, path, stat, false, content, mayHaveFailed);
    }
    try {
      const content = readContent(look);
      return this.#inspected(task, path, look.stat, look.locked, content, mayHaveFailed);
    } finally {
      look.close();
    }
  }

  #inspected(
    task: PlacedTask,
    path: string,
    stat: Look["stat"],
    locked: boolean,
    content: Content,
    mayHaveFailed: boolean,
  ): Inspected {
    const state = this.#state(task, path, stat, locked);
    const attempts = state.kind === "failed"
      ? state.record?.attempts ?? null
      : mayHaveFailed
      ? readAttempts(this.#readJson(recordPath(join(this.dir, ATTEMPTS_DIR, taskId(task)))))
      : null;
    return {
      ...task,
      path,
      state,
      madeAt: madeAt(task.name) ?? stat.ctimeMs,
      size: stat.size,
      content,
      attempts,
    };
  }

  #state(task: PlacedTask, path: string, stat: Look["stat"], locked: boolean): TaskState {
    if (task.place === "failed") {
      return { kind: "failed", record: readRecord(this.#readJson(recordPath(path))) };
    }
    if (locked) return { kind: "running" };
    const dueAt = stat.mtimeMs;
    return dueAt > this.#options.clock.now()
      ? { kind: "deferred", dueAt }
      : { kind: "ready", dueAt };
  }

  /** A small file of the program's own; undefined when it is not there or is no JSON. */
  #readJson(path: string): unknown {
    if (this.#options.claims.lstat(path) === null) return undefined;
    try {
      return JSON.parse(Deno.readTextFileSync(path)) as unknown;
    } catch {
      return undefined;
    }
  }

  /**
   * A task's body in pieces; each is gone when the next is asked for.
   *
   * @throws {Error} when the file is gone or is no task
   */
  *body(task: PlacedTask): Generator<Uint8Array> {
    const look = this.#options.claims.look(this.pathOf(task));
    if (look.kind !== "open") {
      throw new Error(`read the body: ${look.kind === "gone" ? "the task is gone" : look.reason}`);
    }
    try {
      const content = readContent(look);
      if (content.kind !== "task") throw new Error(`read the body: ${content.reason}`);
      const piece = new Uint8Array(64 * 1024);
      let at = look.stat.size - content.bodySize;
      while (true) {
        const count = look.read(piece, at);
        if (count === 0) return;
        yield piece.subarray(0, count);
        at += count;
      }
    } finally {
      look.close();
    }
  }
}

/** A directory that is not there is an empty one; one that may not be read is an error. */
function* listReadable(libc: Libc, dir: string): ReturnType<Libc["list"]> {
  const fd = libc.openDirectory(dir);
  if (fd === -ENOENT) return;
  if (fd === -EACCES) throw new Deno.errors.PermissionDenied(`list ${dir}: permission denied`);
  if (fd < 0) throw new SystemError("list", dir, -fd);
  libc.close(fd);
  yield* libc.list(dir);
}

function* listWithDeno(dir: string): Generator<{ readonly name: string }[]> {
  try {
    yield [...Deno.readDirSync(dir)];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function readContent(look: Look): Content {
  const read = readTask(look);
  return read.kind === "task"
    ? { kind: "task", vars: read.vars, bodySize: read.bodySize }
    : { kind: "unreadable", reason: read.reason };
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

/** Null for anything that is not what the store writes: a person may have been there. */
function readAttempts(value: unknown): Attempts | null {
  if (!isObject(value)) return null;
  const { failures, firstFailureAt, lastFailureAt, reason, stderr, crashes } = value;
  if (
    typeof failures !== "number" || typeof firstFailureAt !== "number" ||
    typeof lastFailureAt !== "number" || typeof reason !== "string"
  ) return null;
  return {
    failures,
    firstFailureAt,
    lastFailureAt,
    reason,
    stderr: typeof stderr === "string" ? stderr : "",
    ...(typeof crashes === "number" ? { crashes } : {}),
  };
}

function readRecord(value: unknown): FailedRecord | null {
  if (!isObject(value)) return null;
  const { reason, failedAt, attempts } = value;
  if (typeof reason !== "string" || typeof failedAt !== "number") return null;
  return { reason, failedAt, attempts: readAttempts(attempts) };
}
