/**
 * The file operations that change a spool, as a seam: a test replaces them by some that fail, or that
 * stop as if the program had died. Whatever is made has the mode that was asked for, whatever the umask.
 */

import { isMasked } from "../platform/umask.ts";

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
  readonly mode?: number;
}

export interface CreateOptions {
  readonly mode: number;
  /** Of its last change and its last use, in seconds since the epoch; null leaves both as they are. */
  readonly time: number | null;
}

/** Each does what Deno's function of that name does, where there is one, and throws what it throws. */
export interface Files {
  /** Makes a file that must not be there, or opens a directory, to sync it. */
  open(path: string, options?: OpenFileOptions): Promise<OpenFile>;
  /** The same, and opens regular files to write to. */
  openSync(path: string, options?: OpenFileOptions): OpenFile;
  /** Makes a file that must not be there, of these bytes. */
  createSync(path: string, bytes: Uint8Array<ArrayBuffer>, options: CreateOptions): void;
  /**
   * The same, of a file that has its name only when it is whole; false where that cannot be done, and then
   * nothing is there.
   */
  createWholeSync(path: string, bytes: Uint8Array<ArrayBuffer>, options: CreateOptions): boolean;
  /** Makes a directory, or leaves the one that is there: then it returns false. */
  mkdirSync(path: string, mode: number): boolean;
  /** Removes an empty directory; false when it is not empty or not there. */
  removeDirectorySync(path: string): boolean;
  rename(from: string, to: string): Promise<void>;
  renameSync(from: string, to: string): void;
  /** @throws {Deno.errors.AlreadyExists} when something has that name */
  renameToNewSync(from: string, to: string): void;
  remove(path: string): Promise<void>;
  removeSync(path: string): void;
  utimeSync(path: string, atime: number, mtime: number): void;
}

/** By Deno's functions, where libc cannot be called: paths are taken as they are. */
export const systemFiles: Files = {
  async open(path, options) {
    const file = await Deno.open(path, options);
    setMode(path, options);
    return file;
  },
  openSync(path, options) {
    const file = Deno.openSync(path, options);
    setMode(path, options);
    return file;
  },
  createSync: (path, bytes, options) => createInSteps(systemFiles, path, bytes, options),
  createWholeSync: () => false,
  mkdirSync(path, mode) {
    try {
      Deno.mkdirSync(path, { mode });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists) || !Deno.statSync(path).isDirectory) {
        throw error;
      }
      return false;
    }
    // Whatever the umask: it may be another for a moment (listenUnix).
    Deno.chmodSync(path, mode);
    return true;
  },
  removeDirectorySync(path) {
    try {
      if (!Deno.lstatSync(path).isDirectory) return false;
      Deno.removeSync(path);
      return true;
    } catch {
      return false;
    }
  },
  rename: Deno.rename,
  renameSync: Deno.renameSync,
  renameToNewSync: (from, to) => renameToNewInSteps(systemFiles, from, to),
  remove: Deno.remove,
  removeSync: Deno.removeSync,
  utimeSync: Deno.utimeSync,
};

function setMode(path: string, { create, createNew, mode }: OpenFileOptions = {}): void {
  const isMade = create === true || createNew === true;
  if (isMade && mode !== undefined && isMasked(mode)) Deno.chmodSync(path, mode);
}

export function writeAllSync(file: OpenFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

/** {@link Files.createSync} by the others. */
export function createInSteps(
  files: Files,
  path: string,
  bytes: Uint8Array,
  { mode, time }: CreateOptions,
): void {
  {
    using file = files.openSync(path, { write: true, createNew: true, mode });
    writeAllSync(file, bytes);
  }
  if (time !== null) files.utimeSync(path, time, time);
}

/** {@link Files.renameToNewSync} by the others: nobody else may be between the question and the rename. */
export function renameToNewInSteps(files: Files, from: string, to: string): void {
  try {
    Deno.lstatSync(to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    files.renameSync(from, to);
    return;
  }
  throw new Deno.errors.AlreadyExists(`rename ${from}: ${to} exists`);
}
