/**
 * The ids of tasks that were accepted from peers, so that a delivery that is repeated, because its
 * answer was lost, is not put a second time. Kept on disk, bounded in time and number.
 *
 * `.spooler/accepted` has one line for each (docs/spool-format.md), which is on disk before its task is
 * renamed out of tmp. So a crash leaves one of these:
 *
 * | line | tmp/NAME | the task          | at the next start                           |
 * |------|----------|-------------------|---------------------------------------------|
 * | no   | perhaps  | not accepted      | tmp is swept; a repetition is a new task    |
 * | yes  | yes      | not accepted      | the id is forgotten; so is a repetition     |
 * | yes  | no       | accepted, perhaps | the id is known; a repetition is not put    |
 * |      |          | done by now       |                                             |
 */

import { join } from "@std/path";
import { RefusalError } from "../wire/refusal.ts";
import { AcceptedFile } from "./accepted_file.ts";
import {
  type Accepted,
  hashed,
  keyOf,
  lineOf,
  linesOf,
  readLine,
  type SentId,
} from "./accepted_lines.ts";
import { recoverIds } from "./accepted_recovery.ts";
import type { SpoolDirectory } from "./directory.ts";
import { contentHash, type HashedId, idHash, IdTable, type IdTableParts } from "./id_table.ts";
import { TMP_DIR } from "./layout.ts";

/** Whether a task was accepted; `other` is a task of the same id with other content. */
export type Known = "unknown" | "same" | "other";

export type { SentId } from "./accepted_lines.ts";

/** All that were recovered, as they cross threads. */
export interface KnownIds {
  readonly table: IdTableParts;
  /** Some belong to any sender. */
  readonly hasAnySenders: boolean;
}

export interface AcceptedIdsOptions {
  /** How long an id is known. */
  readonly windowMs: number;
  /** Ids in one file; up to twice as many are known. Absent is {@link MOST_IN_FILE}. */
  readonly mostInFile?: number;
}

/** With the file before it some 8 MiB of memory: 42 bytes for each, measured with 100,000. */
const MOST_IN_FILE = 100_000;

export class AcceptedIds {
  readonly #spool: SpoolDirectory;
  #windowMs: number;
  readonly #mostInFile: number;
  readonly #file: AcceptedFile;
  /** Of the file; and of the one before it. */
  #ids: IdTable;
  #oldIds: IdTable;
  /** Some belong to any sender: version 0.1 has written them. */
  #hasAnySenders = false;
  /** The file says the same, and has what a start leaves. */
  #isAsRecovered = false;
  /** Written, and neither confirmed nor withdrawn. */
  readonly #announced = new Map<string, Accepted>();

  constructor(spool: SpoolDirectory, options: AcceptedIdsOptions) {
    this.#spool = spool;
    this.#windowMs = options.windowMs;
    this.#mostInFile = options.mostInFile ?? MOST_IN_FILE;
    this.#file = new AcceptedFile(spool);
    this.#ids = this.#newTable();
    this.#oldIds = this.#newTable();
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
    const isSame = accepted.content === null || accepted.content === contentHash(content);
    return isSame ? "same" : "other";
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

  #find(sent: SentId): HashedId | undefined {
    return this.#findKey(keyOf(sent)) ??
      (this.#hasAnySenders ? this.#findKey(sent.id) : undefined);
  }

  #findKey(key: string): HashedId | undefined {
    const id = idHash(key);
    const accepted = this.#ids.get(id) ?? this.#oldIds.get(id);
    return accepted === undefined || this.#isExpired(accepted) ? undefined : accepted;
  }

  /** The name of the task of an id, whoever has accepted it; it is not in memory, but on disk. */
  nameOf(sent: SentId): string | null {
    const key = keyOf(sent);
    const line = this.#file.lastLineOf(key);
    const said = line === null ? null : readLine(line);
    return said?.sign === "+" && said.key === key ? said.accepted.name : null;
  }

  #newTable(): IdTable {
    return new IdTable(this.#spool.random());
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
    this.#ids.set(hashed(key, { ...accepted, at: this.#spool.clock.now() }));
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
    await this.#file.commit();
  }

  close(): void {
    this.#file.close();
  }

  #isExpired({ at }: Pick<HashedId, "at">): boolean {
    return at + this.#windowMs < this.#spool.clock.now();
  }

  /**
   * Writes the known ids again when their file has lost its name, above all because somebody deleted
   * the directory, or when nobody knows what of it is on disk.
   *
   * @throws {Deno.errors} when the directory is not there to write to
   */
  renew(): void {
    if (this.#file.isFine(this.#ids.size + this.#oldIds.size > 0)) return;
    const known = this.#newTable();
    for (const table of [this.#oldIds, this.#ids]) {
      for (const accepted of table) if (!this.#isExpired(accepted)) known.set(accepted);
    }
    this.#ids = known;
    this.#oldIds = this.#newTable();
    this.#rewrite(linesOf(known));
  }

  #append(line: string): void {
    this.#isAsRecovered = false;
    this.renew();
    this.#file.append(line);
  }

  /** Starts a new file. */
  #turnOver(): void {
    this.renew();
    this.#file.turnOver();
    this.#oldIds = this.#ids;
    this.#ids = this.#newTable();
  }

  /**
   * Reads what is known, and forgets the ids of tasks that never came out of tmp. To be done before
   * tmp is swept.
   *
   * @param journalled lines of tasks that are in a journal
   * @returns false when the disk was too full to write that down: tmp must stay for the next start
   */
  recover(journalled: readonly string[] = []): boolean {
    const { hasAnySenders, isWritten } = recoverIds({
      file: this.#file,
      table: this.#ids,
      namesInTmp: this.#namesInTmp(),
      journalled,
      isExpired: (accepted) => this.#isExpired(accepted),
    });
    this.#hasAnySenders = hasAnySenders;
    this.#isAsRecovered = isWritten;
    return isWritten;
  }

  /** Knows what another thread has recovered. */
  take({ table, hasAnySenders }: KnownIds): void {
    this.#ids = IdTable.of(table);
    this.#hasAnySenders = hasAnySenders;
  }

  /**
   * Another thread has them from now on: nothing is known here any more.
   *
   * @returns for its {@link take}; null when it has to {@link recover} them
   */
  handOn(): KnownIds | null {
    this.close();
    const table = this.#isAsRecovered ? this.#ids.parts() : null;
    this.#isAsRecovered = false;
    this.#ids = this.#oldIds = this.#newTable();
    return table && { table, hasAnySenders: this.#hasAnySenders };
  }

  /** Those of the tasks that never came out of there, among others. */
  #namesInTmp(): ReadonlySet<string> {
    const listed = [...this.#spool.entries.list(join(this.#spool.path, TMP_DIR))].flat();
    return new Set(listed.map(({ name }) => name));
  }

  /**
   * Leaves one file, with nothing but what is known and announced.
   *
   * @param known the lines of what is known
   */
  #rewrite(known: Iterable<string>): void {
    this.#file.rewrite(this.#withAnnounced(known));
  }

  *#withAnnounced(known: Iterable<string>): Generator<string> {
    yield* known;
    for (const [key, accepted] of this.#announced) yield lineOf(key, accepted);
  }
}
