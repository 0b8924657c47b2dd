/**
 * The file operations that change a spool, as a seam: a test replaces them by some that fail, or that
 * stop as if the program had died.
 */

/** A file that is being written. */
export type OpenFile =
  & Pick<Deno.FsFile, "write" | "writeSync" | "sync" | "syncSync" | "utimeSync" | "close">
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
