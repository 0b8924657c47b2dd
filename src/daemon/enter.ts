/**
 * The steps by which a started program becomes a daemon, once its sockets are open and before it touches
 * a spool: pidfile, directories for the user it is to be, its identity, umask.
 */

import { setUmask } from "../platform/umask.ts";
import type { Posix } from "../platform/posix.ts";
import { findIdentity } from "./identity.ts";
import { writePidFile } from "./pid_file.ts";
import type { DaemonConfig } from "./settings.ts";

export interface EnterOptions {
  readonly config: DaemonConfig;
  /** Null where libc cannot be called. */
  readonly posix: Posix | null;
  /** Directories that the user must be able to write to. Absolute. */
  readonly directories: readonly string[];
}

const DIRECTORY_MODE = 0o750;

/**
 * @throws {ConfigError} for a user or a group that does not exist
 * @throws {PidFileError} when another program has the pidfile
 * @throws {Error} when the identity cannot be changed
 */
export function enterDaemon({ config, posix, directories }: EnterOptions): void {
  const { identity: wanted, umask, pidFiles } = config;
  for (const { path, isEarly } of pidFiles) if (isEarly) writePidFile(path);
  if (wanted !== null && Deno.uid() === 0) {
    const identity = findIdentity(wanted);
    if (posix === null) {
      throw new Error("uid and gid need libc, which this machine does not have");
    }
    for (const directory of directories) makeFor(directory, identity);
    posix.become(identity);
  }
  if (umask !== null) setUmask(umask);
  for (const { path, isEarly } of pidFiles) if (!isEarly) writePidFile(path);
}

/** What is missing of a directory is made, and belongs to the user. */
function makeFor(directory: string, { uid, gid }: { readonly uid: number; readonly gid: number }) {
  try {
    Deno.mkdirSync(directory, { mode: DIRECTORY_MODE });
  } catch (error) {
    // Below a directory that is missing, too, it is left to the start to say so.
    if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  Deno.chmodSync(directory, DIRECTORY_MODE);
  Deno.chownSync(directory, uid, gid);
}
