/**
 * Tells at once when one task's file changes its state: inotify on the file itself, which follows it
 * from place to place, so that a busy directory makes no noise. Where there is no inotify, or none
 * that sees other machines (network file systems), the caller's own looks from time to time remain.
 */

import type { Libc } from "../platform/libc.ts";
import type { Watcher } from "./watcher.ts";

const IN_ATTRIB = 0x4;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_DONT_FOLLOW = 0x2000000;
/** An unlink shows as IN_ATTRIB, because the number of names changes. */
const MASK = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;

/**
 * @param notify called when something about the file may have changed
 * @returns null when the file cannot be watched, above all because it is gone
 */
export function watchTask(path: string, libc: Libc, notify: () => void): Watcher | null {
  const fd = libc.inotifyInit();
  if (libc.inotifyAdd(fd, path, MASK) < 0) {
    libc.close(fd);
    return null;
  }
  let closed = false;
  const reading = (async () => {
    const buffer = new Uint8Array(4096);
    while (!closed) {
      await libc.inotifyRead(fd, buffer);
      if (!closed) notify();
    }
    libc.close(fd);
  })();
  return {
    async close() {
      if (!closed) {
        closed = true;
        // The end of any watch is an event, and that ends the read that is waiting.
        libc.inotifyRemove(fd, libc.inotifyAdd(fd, "/", IN_DELETE_SELF));
      }
      await reading;
    },
  };
}
