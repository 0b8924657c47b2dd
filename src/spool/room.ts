/** Whether a spool has room for one task more. */

import { statfsSync } from "node:fs";
import { counted } from "../platform/count_text.ts";
import { LightError } from "../platform/light_error.ts";

/** The spool takes no more tasks for now; the message says which limit it is. */
export class SpoolFullError extends LightError {
  override name = "SpoolFullError";
}

/** @param maxFiles so many tasks are in it */
export function fullOf(maxFiles: number): SpoolFullError {
  return new SpoolFullError(`it holds ${counted(maxFiles, "task")} (spooler-max-files)`);
}

/**
 * @param minFreeBytes null is no limit
 * @param comingBytes that are not on disk yet
 * @throws {SpoolFullError}
 */
export function checkFreeBytes(
  dir: string,
  minFreeBytes: number | null,
  comingBytes: number,
): void {
  if (minFreeBytes === null) return;
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize - comingBytes;
  if (free >= minFreeBytes) return;
  const left = Math.max(0, free);
  throw new SpoolFullError(
    `it would leave less than ${counted(minFreeBytes, "byte")} free (spooler-min-free): ${left}`,
  );
}
