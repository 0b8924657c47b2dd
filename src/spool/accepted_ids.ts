/**
 * The ids of tasks that were accepted from peers, so that a delivery that is repeated, because its
 * answer was lost, is not put a second time. Kept on disk, bounded in time and number.
 *
 * `.spooler/accepted` has one line for each: `+ MILLISECONDS ID SENDER NAME CONTENT .`, and
 * `- ID SENDER .` takes one back. Version 0.1 wrote lines without SENDER and CONTENT: their ids are
 * known for any sender and any content.
 * A line is on disk before its task is renamed out of tmp. So a crash leaves one of these:
 *
 * | line | tmp/NAME | the task          | at the next start                           |
 * |------|----------|-------------------|---------------------------------------------|
 * | no   | perhaps  | not accepted      | tmp is swept; a repetition is a new task    |
 * | yes  | yes      | not accepted      | the id is forgotten; so is a repetition     |
 * | yes  | no       | accepted, perhaps | the id is known; a repetition is not put    |
 * |      |          | done by now       |                                             |
 *
 * A line without its last dot, or a newline behind it, was not written to its end and says nothing. When the file has grown,
 * it becomes `.spooler/accepted.old` and replaces the one before it.
 */

import { dirname, join } from "@std/path";
import { RefusalError } from "../wire/refusal.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import type { OpenFile } from "./files.ts";
import { type Accepted, keyOf, lineOf, readLine, type SentId } from "./accepted_lines.ts";
import { ACCEPTED_FILE, ACCEPTED_OLD_FILE, TMP_DIR } from "./layout.ts";
import { DirectorySync } from "./sync.ts";

/** Whether a task was accepted; `other` is a task of the same id with other content. */
export type Known = "unknown" | "same" | "other";

export type { SentId } from "./accepted_lines.ts";

export interface AcceptedIdsOptions {
  /** How long an id is known. */
  readonly windowMs: number;
  /** Ids in one file; up to twice as many are known. Absent is {@link MOST_IN_FILE}. */
  readonly mostInFile?: number;
}

/** With the file before it some 70 MiB of memory: 355 bytes for each, measured with 123,000. */
const MOST_IN_FILE = 100_000;
/** A file with more than this was not written by us: it is taken for none. */
const MOST_FILE_BYTES = 256 * 1024 * 1024;

export class AcceptedIds {
  readonly #spool: SpoolDirectory;
  #windowMs: number;
  readonly #mostInFile: number;
  readonly #path: string;
  readonly #oldPath: string;
  readonly #commits: DirectorySync;
  /** Of the file, in order; and of the one before it. */
  #ids = new Map<string, Accepted>();
  #oldIds = new Map<string, Accepted>();
  /** Written, and neither confirmed nor withdrawn. */
  readonly #announced = new Map<string, Accepted>();
  #file: OpenFile | null = null;
  /** Of the open file: deleting the directory takes its name away. */
  #identity: string | undefined;
  /** The last line may be half a line. */
  #isTorn = false;
  /** The name of the file is not on disk yet. */
  #isNew = false;
  /** A sync has failed: what was written before may be missing, and a later sync would not say so. */
  #isDoubtful = false;

  constructor(spool: SpoolDirectory, options: AcceptedIdsOptions) {
    this.#spool = spool;
    this.#windowMs = options.windowMs;
    this.#mostInFile = options.mostInFile ?? MOST_IN_FILE;
    this.#path = join(spool.path, ACCEPTED_FILE);
    this.#oldPath = join(spool.path, ACCEPTED_OLD_FILE);
    this.#commits = new DirectorySync(this.#path, () => this.#sync());
  }

  /** From now on ids are known for so long. */
  use(windowMs: number): void {
    this.#windowMs = windowMs;
  }

  /** Whether a task with this id was accepted, within the window. */
  has(sent: SentId): boolean {
    return this.#find(sent) !== undefined;
  }

  /** Whether this very task was. */
  knows(sent: SentId, content: string): Known {
    const accepted = this.#find(sent);
    if (accepted === undefined) return "unknown";
    return accepted.content === null || accepted.content === content ? "same" : "other";
  }

  /**
   * The same for who would put it: whether it need not be put, as it was.
   *
   * @throws {RefusalError} when its id belongs to another task
   */
  repeats(sent: SentId, content: string): boolean {
    const known = this.knows(sent, content);
    if (known !== "other") return known === "same";
    throw new RefusalError("request", `its id belongs to another task (spooler_id ${sent.id})`);
  }

  #find(sent: SentId): Accepted | undefined {
    for (const key of [keyOf(sent), sent.id]) {
      const accepted = this.#ids.get(key) ?? this.#oldIds.get(key);
      if (accepted !== undefined && !this.#isExpired(accepted)) return accepted;
    }
    return undefined;
  }

  /**
   * Writes that the task with this id is about to be accepted under this name; that holds when
   * {@link commit} resolves. {@link has} knows it from {@link confirm} on.
   *
   * @throws {Deno.errors} when the disk is full, …: then nothing is announced
   */
  announce(sent: SentId, name: string, content: string): void {
    if (this.#ids.size >= this.#mostInFile) this.#turnOver();
    const accepted = { at: this.#spool.clock.now(), name, content };
    this.#append(lineOf(keyOf(sent), accepted));
    this.#announced.set(keyOf(sent), accepted);
  }

  /** What {@link announce} writes, without its newline: for a journal. */
  lineFor(sent: SentId, name: string, content: string): string {
    return lineOf(keyOf(sent), { at: this.#spool.clock.now(), name, content }).trimEnd();
  }

  /** The task is accepted. */
  confirm(sent: SentId): void {
    const key = keyOf(sent);
    const accepted = this.#announced.get(key);
    if (accepted === undefined) return;
    this.#announced.delete(key);
    this.#ids.set(key, { ...accepted, at: this.#spool.clock.now() });
  }

  /** Takes an announcement back: the task was not accepted. */
  async withdraw(sent: SentId): Promise<void> {
    this.withdrawNow(sent);
    await this.commit();
  }

  /** The same, in the memory of the kernel. */
  withdrawNow(sent: SentId): void {
    this.#announced.delete(keyOf(sent));
    this.#append(`- ${keyOf(sent)} .\n`);
  }

  /** Resolves when every line that was written before is on disk; at once when fsync is off. */
  async commit(): Promise<void> {
    if (this.#spool.fsync) await this.#commits.commit();
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  /** Another thread has them from now on: nothing is known here any more. */
  handOn(): void {
    this.close();
    this.#ids = new Map();
    this.#oldIds = new Map();
  }

  #isExpired({ at }: Accepted): boolean {
    return at + this.#windowMs < this.#spool.clock.now();
  }

  /**
   * Writes the known ids again when their file has lost its name, above all because somebody deleted
   * the directory, or when nobody knows what of it is on disk.
   *
   * @throws {Deno.errors} when the directory is not there to write to
   */
  renew(): void {
    const isThere = this.#spool.claims.lstat(this.#path)?.identity === this.#identity;
    const isFine = this.#file
      ? isThere
      : this.#ids.size + this.#oldIds.size === 0 || this.#hasFile();
    if (isFine && !this.#isDoubtful) return;
    this.close();
    const known = [...this.#oldIds, ...this.#ids];
    this.#ids = new Map(known.filter(([, accepted]) => !this.#isExpired(accepted)));
    this.#oldIds = new Map();
    this.#rewrite();
  }

  #hasFile(): boolean {
    return this.#spool.exists(this.#path) || this.#spool.exists(this.#oldPath);
  }

  #append(line: string): void {
    this.renew();
    this.#file ??= this.#openFile();
    // What was torn must not become whole by what comes behind it.
    const bytes = new TextEncoder().encode(this.#isTorn ? `torn\n${line}` : line);
    this.#isTorn = true;
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#isTorn = false;
  }

  #openFile(): OpenFile {
    this.#isNew = true;
    const options = { append: true, create: true, mode: TASK_MODE };
    const file = this.#spool.files.openSync(this.#path, options);
    this.#identity = this.#spool.claims.lstat(this.#path)?.identity;
    return file;
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

  /** Starts a new file. What is only announced in the old one is on disk before it is put away. */
  #turnOver(): void {
    this.renew();
    if (this.#spool.fsync) this.#file?.syncSync();
    this.close();
    if (this.#spool.exists(this.#path)) {
      this.#spool.files.renameSync(this.#path, this.#oldPath);
    }
    this.#oldIds = this.#ids;
    this.#ids = new Map();
  }

  /**
   * Reads what is known, and forgets the ids of tasks that never came out of tmp. To be done before
   * tmp is swept.
   *
   * @param journalled lines of tasks that are in a journal
   * @returns false when the disk was too full to write down what is forgotten: then tmp must stay as
   * it is, for the next start to come to the same
   */
  recover(journalled: readonly string[] = []): boolean {
    const known = new Map<string, Accepted>();
    for (const path of [this.#oldPath, this.#path]) {
      for (const line of this.#linesOf(path)) readLine(line, known);
    }
    for (const line of journalled) readLine(line, known);
    for (const [key, accepted] of known) {
      const cameOut = !this.#spool.exists(join(this.#spool.path, TMP_DIR, accepted.name));
      if (cameOut && !this.#isExpired(accepted)) this.#ids.set(key, accepted);
    }
    if (!this.#hasFile() && journalled.length === 0) return true;
    try {
      this.#rewrite();
      return true;
    } catch {
      this.#isTorn = true;
      return false;
    }
  }

  /** The lines that were written to their ends. */
  *#linesOf(path: string): Iterable<string> {
    const text = this.#spool.readText(path, MOST_FILE_BYTES);
    if (text !== null) yield* text.split("\n").slice(0, -1);
  }

  /** Leaves one file, with nothing but what is known. */
  #rewrite(): void {
    const lines = [...this.#ids, ...this.#announced].map(([key, accepted]) =>
      lineOf(key, accepted)
    );
    this.#spool.replaceFile(this.#path, lines.join(""));
    this.#spool.removeIfThere(this.#oldPath);
    this.#isTorn = false;
    this.#isDoubtful = false;
    this.#isNew = true;
  }
}
