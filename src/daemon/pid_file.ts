/** The file that says which process the program is. */

import { existsSync } from "node:fs";

/** Another program has the pidfile. */
export class PidFileError extends Error {
  override name = "PidFileError";
}

const MODE = 0o644;

/**
 * Writes our pid into a file, as a whole.
 *
 * @throws {PidFileError} when the process it names runs
 * @throws {Deno.errors} when it cannot be written
 */
export function writePidFile(path: string): void {
  const pid = readPidFile(path);
  if (pid !== null && pid !== Deno.pid && existsSync(`/proc/${pid}`)) {
    throw new PidFileError(`pidfile ${path}: process ${pid} holds it and is running`);
  }
  const tmp = `${path}.${Deno.pid}`;
  Deno.writeTextFileSync(tmp, `${Deno.pid}\n`, { mode: MODE });
  Deno.renameSync(tmp, path);
}

/** Removes the file when it still names this process. */
export function removePidFile(path: string): void {
  try {
    if (readPidFile(path) === Deno.pid) Deno.removeSync(path);
  } catch {
    // Its directory may belong to root, and we may not be root any more: a stale pid is no live one.
  }
}

/** The process that a pidfile names; null when there is none. */
export function readPidFile(path: string): number | null {
  try {
    return Number(/^\d+/.exec(Deno.readTextFileSync(path))?.[0]) || null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
