/**
 * `.spooler/accepted` and the file before it: lines that are appended, and known to be on disk. What the
 * lines say is accepted_ids.ts's.
 */

import { dirname, join } from "@std/path";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import { type OpenFile, writeAllSync } from "./files.ts";
import { ACCEPTED_FILE, ACCEPTED_OLD_FILE } from "./layout.ts";
import { readLines } from "./small_file.ts";
import { DirectorySync } from "./sync.ts";

/** A file with more than this was not written by us: it is taken for none. */
const MOST_FILE_BYTES = 256 * 1024 * 1024;
/** Characters of one write, or some more. */
const GATHERED = 64 * 1024;
const NEWLINE = 10;

export class AcceptedFile {
  readonly #spool: SpoolDirectory;
  readonly #path: string;
  readonly #oldPath: string;
  readonly #commits: DirectorySync;
  #file: OpenFile | null = null;
  /** Of the open file: deleting the directory takes its name away. */
  #identity: string | undefined;
  /** The last line may be half a line. */
  #isTorn = false;
  /** The name of the file is not on disk yet. */
  #isNew = false;
  /** A sync has failed: what was written before may be missing, and a later sync would not say so. */
  #isDoubtful = false;

  constructor(spool: SpoolDirectory) {
    this.#spool = spool;
    this.#path = join(spool.path, ACCEPTED_FILE);
    this.#oldPath = join(spool.path, ACCEPTED_OLD_FILE);
    this.#commits = new DirectorySync(this.#path, () => this.#sync());
  }

  /** Whether there is any, whoever wrote it. */
  get exists(): boolean {
    return this.#spool.exists(this.#path) || this.#spool.exists(this.#oldPath);
  }

  /**
   * Whether it has its name and what was written to it.
   *
   * @param isNeeded something was written
   */
  isFine(isNeeded: boolean): boolean {
    if (this.#isDoubtful) return false;
    if (this.#file === null) return !isNeeded || this.exists;
    return this.#spool.claims.lstat(this.#path)?.identity === this.#identity;
  }

  /** @param line with its newline */
  append(line: string): void {
    this.#file ??= this.#open();
    // What was torn must not become whole by what comes behind it.
    const bytes = new TextEncoder().encode(this.#isTorn ? `torn\n${line}` : line);
    this.#isTorn = true;
    writeAllSync(this.#file, bytes);
    this.#isTorn = false;
  }

  #open(): OpenFile {
    this.#isNew = true;
    const options = { append: true, create: true, mode: TASK_MODE };
    const file = this.#spool.files.openSync(this.#path, options);
    this.#identity = this.#spool.claims.lstat(this.#path)?.identity;
    return file;
  }

  /** Resolves when every line that was written before is on disk; at once when fsync is off. */
  async commit(): Promise<void> {
    if (this.#spool.fsync) await this.#commits.commit();
  }

  async #sync(): Promise<void> {
    const isNew = this.#isNew;
    try {
      await this.#file?.sync();
      if (!isNew) return;
      await this.#spool.sync(dirname(this.#path));
      this.#isNew = false;
    } catch (error) {
      this.#isDoubtful = true;
      throw error;
    }
  }

  /** Starts a new file. What was written to the old one is on disk before it is put away. */
  turnOver(): void {
    if (this.#spool.fsync) this.#file?.syncSync();
    this.close();
    if (!this.#spool.exists(this.#path)) return;
    this.#spool.files.renameSync(this.#path, this.#oldPath);
  }

  /** Those of both files that were written to their ends; without their newlines. */
  *lines(): Generator<string> {
    for (const path of [this.#oldPath, this.#path]) {
      for (const text of this.#pieces(path)) yield* text.split("\n").slice(0, -1);
    }
  }

  /** Whether it is one file, in which no line was left half written. */
  get isWhole(): boolean {
    if (this.#spool.exists(this.#oldPath)) return false;
    const file = this.#spool.claims.peek(this.#path);
    if (file.kind !== "open") return false;
    try {
      const last = new Uint8Array(1);
      const { size } = file.stat;
      return file.read(last, size - 1) === 1 && last[0] === NEWLINE;
    } finally {
      file.close();
    }
  }

  /**
   * Goes on with the file that is there; what it has is on disk then, but for its name. Not for one that is
   * not to be believed, which has no {@link lines}.
   */
  keep(): void {
    this.#file ??= this.#open();
    if (this.#spool.fsync) this.#file.syncSync();
  }

  /** The last line about a key; null without one. Without its newline. */
  lastLineOf(key: string): string | null {
    for (const path of [this.#path, this.#oldPath]) {
      let last: string | null = null;
      for (const text of this.#pieces(path)) {
        const at = text.lastIndexOf(` ${key} `);
        if (at >= 0) last = text.slice(text.lastIndexOf("\n", at) + 1, text.indexOf("\n", at));
      }
      if (last !== null) return last;
    }
    return null;
  }

  #pieces(path: string): Generator<string> {
    return readLines(this.#spool.claims, path, MOST_FILE_BYTES);
  }

  /**
   * Leaves one file, with nothing but these lines.
   *
   * @param lines with their newlines; they may come from {@link lines}
   */
  rewrite(lines: Iterable<string>): void {
    this.close();
    // Until it is there, the last line of the one before may be half a line.
    this.#isTorn = true;
    this.#spool.replaceFile(this.#path, gathered(lines));
    this.#spool.removeIfThere(this.#oldPath);
    this.#isTorn = false;
    this.#isDoubtful = false;
    this.#isNew = true;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}

/** Short texts, as longer ones: each is a write of its own. */
function* gathered(texts: Iterable<string>): Generator<string> {
  let together = "";
  for (const text of texts) {
    together += text;
    if (together.length < GATHERED) continue;
    yield together;
    together = "";
  }
  yield together;
}
