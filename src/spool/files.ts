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

export interface CreateOptions {
  readonly mode: number;
  /** Of its last change and its last use, in seconds since the epoch. */
  readonly time: number;
}

/** Each does what Deno's function of that name does, where there is one, and throws what it throws. */
export interface Files {
  open(path: string, options?: OpenFileOptions): Promise<OpenFile>;
  openSync(path: string, options?: OpenFileOptions): OpenFile;
  /** Makes a file that must not be there, of these bytes. */
  createSync(path: string, bytes: Uint8Array<ArrayBuffer>, options: CreateOptions): void;
  mkdir(path: string, options: Deno.MkdirOptions): Promise<void>;
  mkdirSync(path: string, options: Deno.MkdirOptions): void;
  rename(from: string, to: string): Promise<void>;
  renameSync(from: string, to: string): void;
  remove(path: string): Promise<void>;
  removeSync(path: string): void;
  utimeSync(path: string, atime: number, mtime: number): void;
}

export const systemFiles: Files = {
  open: Deno.open,
  openSync: Deno.openSync,
  createSync: (path, bytes, options) => createInSteps(systemFiles, path, bytes, options),
  mkdir: Deno.mkdir,
  mkdirSync: Deno.mkdirSync,
  rename: Deno.rename,
  renameSync: Deno.renameSync,
  remove: Deno.remove,
  removeSync: Deno.removeSync,
  utimeSync: Deno.utimeSync,
};

/** {@link Files.createSync} by the others. */
export function createInSteps(
  files: Files,
  path: string,
  bytes: Uint8Array,
  { mode, time }: CreateOptions,
): void {
  {
    using file = files.openSync(path, { write: true, createNew: true, mode });
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  }
  files.utimeSync(path, time, time);
}

/**
 * The machine's own, with what happens to a task's file done through libc: that is quicker, and takes
 * names that are no UTF-8, which Deno's functions cannot say.
 */
export function libcFiles(libc: Libc): Files {
  return {
    ...systemFiles,
    createSync: (path, bytes, options) => createByLibc(libc, path, bytes, options),
    removeSync: (path) => check(libc.unlink(path), "remove", path),
    renameSync: (from, to) => check(libc.rename(from, to), "rename", from),
    utimeSync: (path, atime, mtime) => check(libc.utime(path, atime, mtime), "utime", path),
  };
}

function createByLibc(
  libc: Libc,
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  { mode, time }: CreateOptions,
): void {
  const fd = check(libc.createFile(path, mode), "create", path);
  try {
    for (let at = 0; at < bytes.length;) {
      at += check(libc.write(fd, bytes.subarray(at)), "write", path);
    }
  } finally {
    libc.close(fd);
  }
  check(libc.utime(path, time, time), "utime", path);
}

/**
 * @returns `result`, when it is no error
 * @throws {Deno.errors.NotFound | SystemError}
 */
function check(result: number, call: string, path: string): number {
  if (result >= 0) return result;
  if (result === -ENOENT) throw new Deno.errors.NotFound(`${call} ${nameToShow(path)}: not found`);
  throw new SystemError(call, path, -result);
}
