/**
 * Whether a spool directory may be used as it is found now, when it was another one before. A directory
 * under a mount point whose file system is gone must not take its place.
 */

import { dirname, join } from "@std/path";
import { deviceText } from "../platform/stat.ts";
import { STATE_DIR } from "./layout.ts";

/** The directory that was used last. */
export interface Presence {
  readonly identity: string;
  readonly device: string;
}

/** The directory is not the one that was opened: it was deleted, moved, or is not mounted. */
export class SpoolGoneError extends Error {
  override name = "SpoolGoneError";
}

/**
 * @param before null when no directory was used before: then any is right
 * @throws {SpoolGoneError} when what is there is not to be used, or nothing is there and it cannot be
 * made anew in the same file system
 */
export function checkPresence(path: string, before: Presence | null): void {
  if (!before) return;
  const device = deviceOf(path);
  if (device === before.device) return;
  if (device !== null) {
    // Another file system that is a spool already was mounted on purpose.
    if (deviceOf(join(path, STATE_DIR)) !== null) return;
    throw new SpoolGoneError(
      `${path} is on another file system than before and has no ${STATE_DIR}: is it unmounted?`,
    );
  }
  let above = dirname(path);
  while (deviceOf(above) === null) above = dirname(above);
  if (deviceOf(above) === before.device) return;
  throw new SpoolGoneError(`${path} is gone with its file system: is it unmounted?`);
}

/** Of a directory; null when it does not exist. */
function deviceOf(path: string): string | null {
  try {
    const { dev, isDirectory } = Deno.statSync(path);
    return isDirectory ? deviceText(dev) : null;
  } catch {
    return null;
  }
}
