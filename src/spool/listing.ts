/**
 * Finds the tasks of a spool for the queue commands, in whichever state they are. A directory of any size
 * is listed piece by piece. What changes its state meanwhile may appear in both states or in none.
 */

import { join } from "@std/path";
import { list as listEntries, readDirents, visitNames } from "../platform/dirents.ts";
import { SystemError } from "../platform/libc.ts";
import { EACCES, ENOENT } from "../platform/linux.ts";
import type { Claims } from "./claim.ts";
import { type Filter, type PlacedTask, STATE_KINDS, type TaskPlace } from "./inspected.ts";
import {
  ATTEMPTS_DIR,
  FAILED_DIR,
  isPriorityName,
  isRecordName,
  isTaskName,
  RECORD_ENDING,
  recordPath,
  taskId,
  type TaskRef,
} from "./layout.ts";
import type { PieceReaders } from "./piece_readers.ts";
import type { TaskReading } from "./plain_task.ts";
import type { SpoolRoot } from "./root.ts";

/** Bytes of a name whose record has its whole name in its own. */
const MOST_WITHOUT_CUT = 250;
/** Fewer characters have no more bytes. */
const LONG_NAME = MOST_WITHOUT_CUT / 4;
const sizeOf = (name: string) => new TextEncoder().encode(name).length;

export class Listing {
  /** @param root null where libc cannot be called */
  constructor(
    private readonly dir: string,
    private readonly root: SpoolRoot | null,
    private readonly claims: Claims,
  ) {}

  pathOf(task: PlacedTask): string {
    return task.place === "failed"
      ? `${this.dir}/${FAILED_DIR}/${taskId(task)}`
      : `${this.dir}/${taskId(task)}`;
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

  *#listPlace(place: TaskPlace): Generator<PlacedTask[]> {
    const top = place === "failed" ? join(this.dir, FAILED_DIR) : this.dir;
    const priorities: string[] = [];
    const note = (names: readonly string[]) => priorities.push(...names.filter(isPriorityName));
    yield* this.#listDirectory(top, place, null, note);
    for (const priority of priorities) {
      yield* this.#listDirectory(join(top, priority), place, priority);
    }
  }

  /**
   * In failed/, what ends in .json is a record, and a task only when it has a record of its own: these few
   * come last, so that nobody asks the file system for each record.
   */
  *#listDirectory(
    dir: string,
    place: TaskPlace,
    priority: string | null,
    note: (names: readonly string[]) => void = () => {},
  ): Generator<PlacedTask[]> {
    const placed = (name: string): PlacedTask => ({ name, priority, place });
    const unclear = new Set<string>();
    for (const names of this.#names(dir)) {
      note(names);
      const tasks = names.filter(isTaskName);
      if (place === "queue") yield tasks.map(placed);
      else {
        yield tasks.filter((name) => !isRecordName(name)).map(placed);
        for (const name of tasks.filter(isRecordName)) {
          const about = name.slice(0, -RECORD_ENDING.length);
          if (isRecordName(about)) unclear.add(about);
          // The name of its own record may be cut.
          if (name.length > LONG_NAME && sizeOf(name) > MOST_WITHOUT_CUT) unclear.add(name);
        }
      }
    }
    if (unclear.size > 0) yield [...unclear].map(placed).filter((task) => this.#hasRecord(task));
  }

  #hasRecord(task: PlacedTask): boolean {
    const path = this.pathOf(task);
    return this.claims.lstat(path) !== null && this.claims.lstat(recordPath(path)) !== null;
  }

  *#names(dir: string): Generator<string[]> {
    for (const entries of this.#listReadable(dir)) {
      yield entries.map(({ name }) => name);
    }
  }

  /**
   * Where a task of this name lies, in all places it could be.
   *
   * @param priority null for the spool directory itself; undefined when it is not known
   */
  find(name: string, priority: string | null | undefined): PlacedTask[] {
    const places: readonly TaskPlace[] = ["queue", "failed"];
    const there = (priority: string | null) =>
      places.map((place) => ({ name, priority, place }))
        .filter((task) => this.claims.lstat(this.pathOf(task))?.kind === "file");
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

  /** Which tasks have failed before, as of now: a long listing need not ask for the record of each. */
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

  #listReadable(dir: string): Iterable<readonly { readonly name: string }[]> {
    if (!this.root) return listWithDeno(dir);
    const fd = openReadable(this.root, dir);
    return fd === null ? [] : listEntries(this.root.libc, fd);
  }

  /**
   * The tasks that wait or run, each handed to `visit` with what could be read of it. It yields from time to
   * time.
   *
   * @throws {Deno.errors.PermissionDenied} when a directory may not be read
   */
  *visitQueue(root: SpoolRoot, readers: PieceReaders, visit: VisitTask): Generator<void> {
    const { libc } = root;
    const priorities: (string | null)[] = [null];
    for (const priority of priorities) {
      const fd = openReadable(root, priority === null ? this.dir : join(this.dir, priority));
      if (fd === null) continue;
      try {
        yield* readers.read(fd, readDirents(libc, fd), (dirents, reader) => {
          visitNames(dirents, (name, bytes) => {
            if (isTaskName(name)) {
              const task: PlacedTask = { name, priority, place: "queue" };
              visit(task, reader.read(fd, task, bytes));
            } else if (priority === null && isPriorityName(name)) priorities.push(name);
          });
        });
      } finally {
        libc.close(fd);
      }
    }
  }
}

export type VisitTask = (task: PlacedTask, read: TaskReading) => void;

/**
 * A directory to be listed; null when it is not there, which is an empty one.
 *
 * @throws {Deno.errors.PermissionDenied} when it may not be read
 */
function openReadable(root: SpoolRoot, dir: string): number | null {
  const fd = root.openDirectory(dir);
  if (fd === -ENOENT) return null;
  if (fd === -EACCES) throw new Deno.errors.PermissionDenied(`list ${dir}: permission denied`);
  if (fd < 0) throw new SystemError("list", dir, -fd);
  return fd;
}

function* listWithDeno(dir: string): Generator<{ readonly name: string }[]> {
  try {
    yield [...Deno.readDirSync(dir)];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
