/** Lists the tasks of a spool directory, in pieces, so that a huge one can be worked on. */

import { join } from "@std/path";
import type { SpoolDirectory } from "./directory.ts";
import { dueTime, FAILED_DIR, isPriorityName, isTaskName, taskId, type TaskRef } from "./layout.ts";
import type { SeenTask } from "./task.ts";

export interface ScanOptions {
  /** Tasks, by their id, that are left out. */
  readonly isKnown?: (id: string) => boolean;
  /** Called for each priority before its tasks are listed. */
  readonly onPriority?: (priority: string) => void;
  /** Called for each sub-directory with tasks that never run. */
  readonly onStranded?: (name: string) => void;
}

/** An empty directory that nothing was put into for so long is removed. */
const UNUSED_MS = 60_000;
/** Changes of a directory that come so soon one after the other may leave the same time on it. */
const SAME_TIME_MS = 1000;

export class Scanner {
  /** The directories with tasks as they were before the last whole scan; null when nothing can be said. */
  #scanned: ReadonlyMap<string, string> | null = null;

  constructor(private readonly spool: SpoolDirectory) {}

  /** Everything that has a task's name, in pieces that may be empty. What has a priority comes first. */
  *scan({ isKnown = () => false, onPriority, onStranded }: ScanOptions): Generator<SeenTask[]> {
    this.#scanned = null;
    const stamps = new Map<string, string | null>();
    stamps.set(this.spool.path, this.#stampOf(this.spool.path));
    const directories = this.#directories();
    for (const name of directories) {
      const path = join(this.spool.path, name);
      if (!name.startsWith(".") && name !== FAILED_DIR) stamps.set(path, this.#stampOf(path));
    }
    if (onPriority) directories.filter(isPriorityName).forEach(onPriority);
    if (onStranded) this.#strandedOf(directories).forEach(onStranded);
    for (const priority of prioritiesIn(directories)) {
      const isNews = (name: string) => isTaskName(name) && !isKnown(taskId({ name, priority }));
      for (
        const files of this.spool.entries.listFiles(join(this.spool.path, priority ?? ""), isNews)
      ) {
        const now = this.spool.clock.now();
        yield files.map(({ name, mtimeMs }) => {
          return { name, priority, dueAt: dueTime(name, mtimeMs, now) };
        });
      }
      if (priority !== null) this.#removeIfUnused(priority);
    }
    const kept = [...stamps].filter((each): each is [string, string] => each[1] !== null);
    if (kept.length === stamps.size) this.#scanned = new Map(kept);
  }

  /**
   * Whether no file was made, renamed or removed since the last scan that went to its end: one stat for
   * each directory that has tasks.
   */
  isAsScanned(): boolean {
    if (this.#scanned === null) return false;
    for (const [path, stamp] of this.#scanned) if (this.#stampOf(path) !== stamp) return false;
    return true;
  }

  /** Null when it is gone, or changed so lately that it may change again without a trace. */
  #stampOf(path: string): string | null {
    const stat = this.spool.claims.lstat(path);
    if (stat === null || Math.abs(this.spool.clock.now() - stat.mtimeMs) < SAME_TIME_MS) {
      return null;
    }
    return `${stat.identity} ${stat.mtimeMs}`;
  }

  /** One task as it is now; null when it is gone or no file. */
  see(ref: TaskRef): SeenTask | null {
    const stat = this.spool.claims.lstat(this.spool.pathOf(ref));
    if (stat?.kind !== "file") return null;
    const dueAt = dueTime(ref.name, stat.mtimeMs, this.spool.clock.now());
    return { name: ref.name, priority: ref.priority, dueAt };
  }

  /**
   * Removes the directory of a priority that has long been empty: its maker is about to
   * put a task into it.
   */
  #removeIfUnused(priority: string): void {
    const stat = this.spool.claims.lstat(join(this.spool.path, priority));
    const isOld = stat !== null && this.spool.clock.now() - stat.ctimeMs > UNUSED_MS;
    if (isOld) this.spool.removePriority(priority);
  }

  /** The names alone, which costs no call for each file. */
  *taskNames(): Generator<TaskRef[]> {
    for (const priority of prioritiesIn(this.#directories())) yield* this.#namesIn(priority);
  }

  *#namesIn(priority: string | null): Generator<TaskRef[]> {
    for (const entries of this.spool.entries.list(join(this.spool.path, priority ?? ""))) {
      const refs: TaskRef[] = [];
      for (const { name, kind } of entries) {
        if (kind !== "directory" && isTaskName(name)) refs.push({ name, priority });
      }
      yield refs;
    }
  }

  /** Sub-directories with tasks that never run: `5x/`, `urgent/`, … */
  stranded(): string[] {
    return this.#strandedOf(this.#directories());
  }

  #strandedOf(directories: readonly string[]): string[] {
    return directories.filter((name) =>
      !isPriorityName(name) && name !== FAILED_DIR && !name.startsWith(".") &&
      this.#holdsTasks(name)
    );
  }

  #holdsTasks(sub: string): boolean {
    for (const entries of this.spool.entries.list(join(this.spool.path, sub))) {
      if (entries.some(({ name }) => isTaskName(name))) return true;
    }
    return false;
  }

  /** Names of the sub-directories; a directory with a task's name is not a priority. */
  #directories(): string[] {
    const names: string[] = [];
    for (const entries of this.spool.entries.listDirectories(this.spool.path)) {
      for (const { name, kind } of entries) {
        if (isTaskName(name)) continue;
        const isDirectory = kind === "directory" ||
          this.spool.claims.lstat(join(this.spool.path, name))?.kind === "directory";
        if (isDirectory) names.push(name);
      }
    }
    return names;
  }
}

/** Null, the spool directory itself, comes last. */
function prioritiesIn(directories: readonly string[]): (string | null)[] {
  return [...directories.filter(isPriorityName), null];
}
