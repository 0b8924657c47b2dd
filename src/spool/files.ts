/**
 * The file operations that change a spool, as a seam: a test replaces them by some that fail, or that
 * stop as if the program had died.
 */

import { ENOENT, type Libc, SystemError } from "../platform/libc.ts";
import { nameToShow } from "../platform/name.ts";

/** A file that is being written. */
export type OpenFile =
  & Pick<
    Deno.FsFile,
    "write" | "writeSync" | "seekSync" | "sync" | "syncSync" | "utime" | "close"
  >
  & Disposable;

export interface OpenFileOptions {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly append?: boolean;
  readonly create?: boolean;
  readonly createNew?: boolean;
  readonly truncate?: boolean;
  readonly mode?: number;
}

/** Each does what Deno's function of that name does, and throws what it throws. */
export interface Files {
  open(path: string, options?: OpenFileOptions): Promise<OpenFile>;
  openSync(path: string, options?: OpenFileOptions): OpenFile;
  mkdir(path: string, options: Deno.MkdirOptions): Promise<void>;
  mkdirSync(path: string, options: Deno.MkdirOptions): void;
  rename(from: string, to: string): Promise<void>;
  renameSync(from: string, to: string): void;
  remove(path: string): Promise<void>;
  removeSync(path: string): void;
  utimeSync(path: string, atime: number, mtime: number): void;
}

export const systemFiles: Files = Deno;

/**
 * The machine's own, with what happens to a task's file done through libc: that is quicker, and takes
 * names that are no UTF-8, which Deno's functions cannot say.
 */
export function libcFiles(libc: Libc): Files {
  return {
    open: Deno.open,
    openSync: Deno.openSync,
    mkdir: Deno.mkdir,
    mkdirSync: Deno.mkdirSync,
    rename: Deno.rename,
    remove: Deno.remove,
    removeSync: (path) => check(libc.unlink(path), "remove", path),
    renameSync: (from, to) => check(libc.rename(from, to), "rename", from),
    utimeSync: (path, atime, mtime) => check(libc.utime(path, atime, mtime), "utime", path),
  };
}

/** @throws {Deno.errors.NotFound | SystemError} */
function check(result: number, call: string, path: string): void {
  if (result === 0) return;
  if (result === -ENOENT) throw new Deno.errors.NotFound(`${call} ${nameToShow(path)}: not found`);
  throw new SystemError(call, path, -result);
}
