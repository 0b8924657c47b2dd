/**
 * Notices at once when one task's file changes its state: inotify on the file itself, which follows it
 * from place to place, so that a busy directory makes no noise. Where there is no inotify, or none
 * that sees other machines (network file systems), the waiting process has to check from time to time.
 */

import {
  IN_ATTRIB,
  IN_DELETE_SELF,
  IN_DONT_FOLLOW,
  IN_MOVE_SELF,
  Inotify,
} from "../platform/inotify.ts";
import type { Libc } from "../platform/libc.ts";
import type { Watcher } from "./watcher.ts";

/** An unlink shows as IN_ATTRIB, because the number of names changes. */
const MASK = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;
const BUFFER_SIZE = 4096;

/**
 * @param notify called when something about the file may have changed
 * @returns null when the file cannot be watched, above all because it is gone
 */
export function watchTask(path: string, libc: Libc, notify: () => void): Watcher | null {
  let inotify: Inotify;
  try {
    inotify = new Inotify(libc, notify, BUFFER_SIZE);
  } catch {
    return null;
  }
  if (inotify.add(path, MASK) >= 0) return inotify;
  void inotify.close();
  return null;
}
