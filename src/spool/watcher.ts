/**
 * Notices at once when a spool directory changes, and within a second when it is no longer the same
 * directory.
 *
 * With libc this is inotify, with the names of what changed. Without it any event of Deno.watchFs means
 * that the whole directory is to be listed (docs/decisions.md). Where neither can be had the scans remain.
 */

import { basename, dirname, join } from "@std/path";
import type { Cancel, Clock } from "../platform/clock.ts";
import { isLocal } from "../platform/file_system.ts";
import {
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
  Inotify,
  type InotifyEvent,
} from "../platform/inotify.ts";
import type { Libc } from "../platform/libc.ts";
import { ENOENT } from "../platform/linux.ts";
import { reasonOf } from "../platform/reason.ts";
import { isPriorityName, isTaskName, PAUSED_FILE, type TaskRef } from "./layout.ts";

export type SpoolChange =
  /** This task appeared, or something about it changed. */
  | {
    readonly kind: "task";
    readonly ref: TaskRef;
    /** Its name is new there, and nothing else was said of it. */
    readonly isNew: boolean;
  }
  /** Somebody paused or resumed the spool. */
  | { readonly kind: "pause" }
  /** Anything may have changed: the whole directory is to be listed. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** The directory is not the one that was opened: nothing more will come. */
  | { readonly kind: "lost"; readonly reason: string }
  /** Some or all changes are noticed by scans only. */
  | { readonly kind: "unwatched"; readonly reason: string };

export interface Watcher {
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

export interface SpoolWatcher extends Watcher {
  /**
   * Reports whatever happens in the directory and in those of its priorities, by name. Not where another
   * machine may do it: this kernel says nothing of that.
   */
  readonly isComplete: boolean;
  /**
   * Watches the directory of a priority, too; again does no harm. Those that are made later are watched
   * anyway; a scan names those that are there already, because finding them costs a pass over all files.
   */
  watchPriority(priority: string): void;
}

export interface WatchOptions {
  readonly dir: string;
  /** Null where libc cannot be called. */
  readonly libc: Libc | null;
  readonly clock: Clock;
  /** Why the path no longer leads to the directory that was opened; null when it does. */
  readonly absence: () => string | null;
  /** Called for every change, never before {@link watchSpool} has returned. */
  readonly notify: (change: SpoolChange) => void;
}

/** Priorities with a watch of their own: the kernel's watches are for all programs of a user. */
const MOST_PRIORITIES = 1000;
const PRESENCE_MS = 1000;
/** Between two tries to watch a directory that could not be watched. */
const RETRY_MS = 1000;

const MASK = IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF |
  IN_ONLYDIR | IN_EXCL_UNLINK;
const STATE_MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

/**
 * Never throws: where the machine has no watches left the directory is scanned, until it has some again, as
 * after a reload of many spools.
 */
export function watchSpool(options: WatchOptions): SpoolWatcher {
  const presence = new PresenceWatch(options);
  const { dir, libc, clock, notify } = options;
  const open = (): SpoolWatcher =>
    libc
      ? new InotifyWatcher(dir, libc, (change) => presence.isOver || notify(change))
      : watchWithDeno(dir, notify);
  let watcher: SpoolWatcher | null = null;
  let cancel: Cancel = () => {};
  const tryAgain = () => {
    cancel = clock.after(RETRY_MS, () => {
      try {
        watcher = open();
      } catch {
        return tryAgain();
      }
      notify({ kind: "unknown", reason: "it is watched from now on" });
    });
  };
  try {
    watcher = open();
  } catch (error) {
    const reason = reasonOf(error);
    queueMicrotask(() => presence.isOver || notify({ kind: "unwatched", reason }));
    tryAgain();
  }
  return {
    get isComplete() {
      return watcher?.isComplete ?? false;
    },
    watchPriority: (priority) => watcher?.watchPriority(priority),
    close: async () => {
      cancel();
      presence.close();
      await watcher?.close();
    },
  };
}

/**
 * Asks from time to time whether the directory is still there. An open file in it keeps the kernel from
 * saying that it was deleted, and about an unmounted file system it says nothing.
 */
class PresenceWatch {
  #cancel: Cancel = () => {};
  isOver = false;

  constructor(private readonly options: WatchOptions) {
    this.#wait();
  }

  #wait(): void {
    this.#cancel = this.options.clock.after(PRESENCE_MS, () => {
      const reason = this.options.absence();
      if (reason === null) return this.#wait();
      this.isOver = true;
      this.options.notify({ kind: "lost", reason });
    });
  }

  close(): void {
    this.isOver = true;
    this.#cancel();
  }
}

class InotifyWatcher implements SpoolWatcher {
  readonly #inotify: Inotify;
  /** Watch number to the priority whose directory it watches; null for the spool itself. */
  readonly #watches = new Map<number, string | null>();
  /** The watch of the directory in which `paused` comes and goes. */
  readonly #stateWatch: number;
  #isComplete: boolean;
  #hasWarned = false;

  constructor(
    private readonly dir: string,
    libc: Libc,
    private readonly notify: (change: SpoolChange) => void,
  ) {
    this.#inotify = new Inotify(libc, (event) => this.#take(event));
    const watch = this.#inotify.add(dir, MASK);
    if (watch < 0) {
      this.#inotify.close();
      throw new Error(`watch ${dir}: errno ${-watch}`);
    }
    this.#watches.set(watch, null);
    this.#stateWatch = this.#inotify.add(dirname(join(dir, PAUSED_FILE)), STATE_MASK);
    this.#isComplete = this.#stateWatch >= 0 && isLocal(dir);
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  watchPriority(priority: string): void {
    const watch = this.#watches.size <= MOST_PRIORITIES
      ? this.#inotify.add(join(this.dir, priority), MASK)
      : -1;
    if (watch >= 0) {
      this.#watches.set(watch, priority);
      return;
    }
    // A directory that is gone has nothing to report.
    if (watch !== -ENOENT) this.#isComplete = false;
    if (!this.#hasWarned && this.#watches.size > MOST_PRIORITIES) {
      this.#hasWarned = true;
      this.notify({ kind: "unwatched", reason: `more than ${MOST_PRIORITIES} priorities` });
    }
  }

  #take(event: InotifyEvent): void {
    if (event.mask & IN_Q_OVERFLOW) {
      this.notify({ kind: "unknown", reason: "more changes than the kernel could queue" });
      return;
    }
    if (event.watch === this.#stateWatch) {
      if (event.name === basename(PAUSED_FILE)) this.notify({ kind: "pause" });
      return;
    }
    const priority = this.#watches.get(event.watch);
    if (priority === undefined) return;
    if (event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) {
      this.#watches.delete(event.watch);
      if (priority === null) {
        this.notify({ kind: "lost", reason: "the directory was deleted or moved" });
      }
      return;
    }
    const { name } = event;
    if (name === "") return;
    if (isTaskName(name)) {
      const isNew = (event.mask & (IN_MOVED_TO | IN_CREATE)) !== 0;
      this.notify({ kind: "task", ref: { name, priority }, isNew });
    } else if (priority === null && event.mask & IN_ISDIR && isPriorityName(name)) {
      this.watchPriority(name);
      // What came into it before it was watched made no event.
      this.notify({ kind: "unknown", reason: `new priority ${name}` });
    }
  }

  close(): Promise<void> {
    return this.#inotify.close();
  }
}

function watchWithDeno(dir: string, notify: (change: SpoolChange) => void): SpoolWatcher {
  const watcher = Deno.watchFs(dir, { recursive: true });
  const reading = (async () => {
    for await (const event of watcher) {
      if (event.kind === "access") continue;
      notify({ kind: "unknown", reason: "the directory changed" });
    }
  })();
  return {
    isComplete: false,
    watchPriority() {},
    close() {
      watcher.close();
      return reading;
    },
  };
}
