/**
 * Tells at once when a spool directory changes.
 *
 * With libc this is inotify, with the names of what changed. Without it Deno.watchFs says only that
 * something did: its queue holds 16 events and drops the rest, so that after any event the whole
 * directory has to be looked at. What was dropped came before an event that is still to be read;
 * a look taken after reading it misses nothing.
 */

import { basename, dirname, join } from "node:path";
import type { InotifyEvent, Libc } from "../platform/libc.ts";
import { isPriorityName, isTaskName, PAUSED_FILE, type TaskRef } from "./layout.ts";

export type Change =
  /** This task appeared, or something about it changed. */
  | { readonly kind: "task"; readonly ref: TaskRef }
  /** Somebody paused or resumed the spool. */
  | { readonly kind: "pause" }
  /** Anything may have changed: look at the whole directory. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** The directory itself is gone or was moved away: nothing more will come. */
  | { readonly kind: "lost"; readonly reason: string };

export interface Watcher {
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

export interface SpoolWatcher extends Watcher {
  /**
   * Watches the directory of a priority, too; again does no harm. Those that are made later are watched
   * anyway, of those that are there already a scan tells: to look for them costs a pass over all files.
   */
  watchPriority(priority: string): void;
}

const IN_ATTRIB = 0x4;
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const IN_ONLYDIR = 0x1000000;
/** Nothing about files that are already unlinked: a task that is done makes no noise. */
const IN_EXCL_UNLINK = 0x4000000;
const IN_ISDIR = 0x40000000;

const MASK = IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF |
  IN_ONLYDIR | IN_EXCL_UNLINK;

const STATE_MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

/** @param notify called for every change, never before this function has returned */
export function watchSpool(
  dir: string,
  libc: Libc | null,
  notify: (change: Change) => void,
): SpoolWatcher {
  return libc ? new InotifyWatcher(dir, libc, notify) : watchWithDeno(dir, notify);
}

class InotifyWatcher implements SpoolWatcher {
  readonly #fd: number;
  /** Watch number to the priority whose directory it watches; null for the spool itself. */
  readonly #watches = new Map<number, string | null>();
  /** The watch of the directory in which `paused` comes and goes. */
  #stateWatch = -1;
  readonly #reading: Promise<void>;
  #closed = false;

  constructor(
    private readonly dir: string,
    private readonly libc: Libc,
    private readonly notify: (change: Change) => void,
  ) {
    this.#fd = libc.inotifyInit();
    const watch = libc.inotifyAdd(this.#fd, dir, MASK);
    if (watch < 0) {
      libc.close(this.#fd);
      throw new Error(`watch ${dir}: errno ${-watch}`);
    }
    this.#watches.set(watch, null);
    const stateDir = dirname(join(dir, PAUSED_FILE));
    this.#stateWatch = libc.inotifyAdd(this.#fd, stateDir, STATE_MASK);
    this.#reading = this.#read();
  }

  watchPriority(priority: string): void {
    if (this.#closed) return;
    const watch = this.libc.inotifyAdd(this.#fd, join(this.dir, priority), MASK);
    if (watch >= 0) this.#watches.set(watch, priority);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (!this.#closed) {
      const events = await this.libc.inotifyRead(this.#fd, buffer);
      for (const event of events) {
        if (!this.#closed) this.#take(event);
      }
    }
    this.libc.close(this.#fd);
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
      this.notify({ kind: "task", ref: { name, priority } });
    } else if (priority === null && event.mask & IN_ISDIR && isPriorityName(name)) {
      this.watchPriority(name);
      // What came into it before it was watched made no event.
      this.notify({ kind: "unknown", reason: `new priority ${name}` });
    }
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      // The end of any watch is an event, and that ends the read that is waiting.
      this.libc.inotifyRemove(this.#fd, this.libc.inotifyAdd(this.#fd, "/", IN_DELETE_SELF));
    }
    await this.#reading;
  }
}

function watchWithDeno(dir: string, notify: (change: Change) => void): SpoolWatcher {
  const watcher = Deno.watchFs(dir, { recursive: true });
  const reading = (async () => {
    for await (const event of watcher) {
      if (event.kind === "access") continue;
      notify({ kind: "unknown", reason: "the directory changed" });
    }
  })();
  return {
    watchPriority() {},
    close() {
      watcher.close();
      return reading;
    },
  };
}
