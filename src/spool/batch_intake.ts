/**
 * Takes new tasks into a spool, many at a time: what comes in one round of the thread's loop is written,
 * synced by one sync of the journal (the commit point; without fsync it is the file's name), and then named.
 * A task with an id lies in tmp before that, so that a start knows what became of the id; every other file is
 * made when its name is due. Bodies that are still on their way, a busy disk and a spool without a journal are
 * src/spool/intake.ts's.
 */

import { createHash } from "node:crypto";
import { MAX_VARS_SIZE } from "../wire/packet.ts";
import type { NewTask } from "../task/new_task.ts";
import type { AcceptedIds, SentId } from "./accepted_ids.ts";
import { keyOf } from "./accepted_lines.ts";
import { bytesOf, KeptBytes } from "./batch_bytes.ts";
import { BatchFiles } from "./batch_files.ts";
import { type BusyDisk, MOST_FILE_MS } from "./busy_disk.ts";
import type { SpoolDirectory } from "./directory.ts";
import type { Intake } from "./intake.ts";
import type { Journal } from "./journal.ts";
import { taskId, type TaskNames, type TaskRef, TMP_DIR } from "./layout.ts";
import type { SpoolLimits } from "./limits.ts";
import { type PutResult, reportPut } from "./put_result.ts";
import { checkFreeBytes, fullOf } from "./room.ts";
import type { TaskCount } from "./task_count.ts";
import { contentText } from "./task_maker.ts";

export interface BatchIntakeOptions {
  readonly spool: SpoolDirectory;
  readonly count: TaskCount;
  readonly ids: AcceptedIds;
  /** The way of what is no part of a batch. */
  readonly single: Intake;
  readonly names: TaskNames;
  readonly limits: SpoolLimits;
  /** A task that the journal has, and that was refused after all. */
  readonly gone: (id: string) => void;
}

/** A task of this batch: it is in the journal. */
interface Written {
  readonly ref: TaskRef;
  /** In tmp; nothing is there when its file is still to be made of `bytes`. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly dueAt: number;
  readonly sent: SentId | null;
  readonly content: string;
  readonly task: NewTask;
  readonly result: PutResult;
}

/** A disk that takes longer than this for a sync of the journal is busy. */
const MOST_SYNC_MS = 1000;
/** After a file could not be made: so long each is made before its task is in the journal. */
const CAUTIOUS_MS = 1000;

export class BatchIntake {
  readonly #options: BatchIntakeOptions;
  #limits: SpoolLimits;
  /** Null while there is none. */
  #journal: Journal | null = null;
  #written: Written[] = [];
  /** Ids of tasks of this batch, and what came again meanwhile. */
  readonly #pending = new Map<string, (() => void)[]>();
  #isChecked = false;
  readonly #disk: BusyDisk;
  /** On the monotonic clock. */
  #cautiousUntil = -Infinity;
  /** What files are to be made of, of this batch and of the one before. */
  #kept = new KeptBytes();
  #keptBefore = new KeptBytes();
  readonly #files: BatchFiles;

  constructor(options: BatchIntakeOptions) {
    this.#options = options;
    this.#files = new BatchFiles(options.spool);
    this.#disk = options.single.disk;
    this.#limits = options.limits;
  }

  use(limits: SpoolLimits, journal: Journal | null): void {
    this.#limits = limits;
    this.#journal = journal;
  }

  put(task: NewTask, sent: SentId | null, result: PutResult): void {
    try {
      this.#checkFull(sent);
      if (this.#isForBatch(task, sent)) this.#put(task, sent, result);
      else this.#putSingle(task, sent, result);
    } catch (error) {
      result.failed(error);
    }
  }

  /** Most that come to a full spool are refused without a promise of their own: they can be very many. */
  #checkFull(sent: SentId | null): void {
    const { count, single, ids } = this.#options;
    const { maxFiles } = this.#limits;
    const underWay = this.#written.length + single.underWay;
    if (maxFiles === null || !count.isSurelyFull(maxFiles, underWay)) return;
    const isKnown = sent !== null &&
      (this.#pending.has(keyOf(sent)) || single.isUnderWay(sent) || ids.has(sent));
    if (!isKnown) throw fullOf(maxFiles);
  }

  #isForBatch({ body, unique }: NewTask, sent: SentId | null): boolean {
    const { count, single, spool } = this.#options;
    const { maxFiles } = this.#limits;
    const isHere = body === undefined ||
      (body instanceof Uint8Array && body.length <= MAX_VARS_SIZE);
    if (!isHere || unique !== undefined) return false;
    if (spool.fsync && (this.#journal === null || this.#journal.isClosed)) return false;
    if (this.#disk.isBusy) return false;
    if (sent !== null && single.isUnderWay(sent)) return false;
    return maxFiles === null || count.isSure(maxFiles, this.#written.length + single.underWay);
  }

  #putSingle(task: NewTask, sent: SentId | null, result: PutResult): void {
    const { single, spool } = this.#options;
    reportPut(
      (accepted) =>
        sent === null ? single.put(task, accepted) : single.putOnce(task, sent, accepted),
      task.at ?? spool.clock.now(),
      result,
    );
  }

  #put(task: NewTask, sent: SentId | null, result: PutResult): void {
    const { spool, ids, names } = this.#options;
    // The directory does not go and come within one round.
    if (!this.#isChecked) this.#options.single.checkPresence();
    this.#isChecked = true;
    const bytes = task.file ?? bytesOf(task);
    const comingBytes = this.#kept.size + bytes.length;
    checkFreeBytes(spool.path, this.#limits.minFreeBytes, comingBytes);
    const content = sent === null ? "" : contentText(createHash("sha256").update(bytes));
    if (sent !== null) {
      const again = this.#pending.get(keyOf(sent));
      if (again) return void again.push(() => this.put(task, sent, result));
      if (ids.repeats(sent, content)) return result.repeated();
    }
    const now = spool.clock.now();
    const name = names.next(now);
    const ref = { name, priority: task.priority === undefined ? null : String(task.priority) };
    const path = `${spool.path}/${TMP_DIR}/${name}`;
    const dueAt = task.at ?? now;
    const startedAt = this.#disk.begin();
    const isMadeLater = spool.fsync && sent === null && startedAt >= this.#cautiousUntil;
    const kept = isMadeLater ? this.#kept.keep(bytes, bytes === task.file) : null;
    const written = { ref, path, bytes: kept, dueAt, sent, content, task, result };
    if (sent === null && !spool.fsync) this.#files.makeWhole(ref, path, bytes, timeOf(task));
    else if (!isMadeLater) this.#files.create(path, bytes, timeOf(task));
    if (spool.fsync) this.#journalise(written, bytes);
    else if (sent === null) this.#accepted(written);
    else this.#nameNow(written, sent);
    this.#disk.ended(startedAt, MOST_FILE_MS);
  }

  /** Without fsync: the line of its id is written before it has its name. */
  #nameNow(written: Written, sent: SentId): void {
    const { ids } = this.#options;
    const { ref, path, content } = written;
    let isAnnounced = false;
    try {
      ids.announce(sent, ref.name, content);
      isAnnounced = true;
      this.#files.rename(ref, path);
    } catch (error) {
      if (isAnnounced) ids.withdrawNow(sent);
      this.#files.removeQuietly(path);
      throw error;
    }
    this.#accepted(written);
  }

  #accepted({ ref, sent, dueAt, result }: Written): void {
    if (sent !== null) this.#options.ids.confirm(sent);
    this.#options.count.added();
    result.accepted(ref, dueAt);
  }

  #journalise(written: Written, bytes: Uint8Array): void {
    const { ids } = this.#options;
    const { ref, sent, content, dueAt, task, result } = written;
    const isAdded = this.#journal?.add({
      id: taskId(ref),
      dueAt,
      parts: [bytes],
      acceptedLine: sent === null ? null : ids.lineFor(sent, ref.name, content),
    });
    if (isAdded !== true) {
      this.#removeUnnamed(written);
      return this.#putSingle(task, sent, result);
    }
    if (sent !== null) this.#pending.set(keyOf(sent), []);
    this.#written.push(written);
  }

  /**
   * What was put before is accepted when this returns, or goes its way by itself. An answer can bring the
   * next task of its connection, which is for the next commit.
   *
   * @returns false when there was nothing, and so no answer
   */
  commit(): boolean {
    this.#isChecked = false;
    if (this.#written.length === 0) return false;
    const written = this.#written;
    this.#written = [];
    this.#swapKept();
    const startedAt = this.#disk.begin();
    const isSynced = this.#sync();
    this.#disk.ended(startedAt, MOST_SYNC_MS);
    const again: (() => void)[] = [];
    for (const each of written) {
      again.push(...this.#takeRepetitions(each));
      if (isSynced) this.#accept(each);
      else this.#putAgain(each);
    }
    if (isSynced) this.#journal?.settle();
    for (const put of again) put();
    return true;
  }

  /** What came with its id while it was pending, which it is no more. */
  #takeRepetitions({ sent }: Written): readonly (() => void)[] {
    const key = sent === null ? null : keyOf(sent);
    const repetitions = key === null ? undefined : this.#pending.get(key);
    if (key !== null) this.#pending.delete(key);
    return repetitions ?? [];
  }

  #sync(): boolean {
    try {
      this.#journal?.sync();
      return true;
    } catch {
      return false;
    }
  }

  /** What comes because of an answer does not overwrite what is still to be made. */
  #swapKept(): void {
    const kept = this.#kept;
    this.#kept = this.#keptBefore;
    this.#keptBefore = kept;
    this.#kept.clear();
  }

  #accept(written: Written): void {
    const { ids, gone } = this.#options;
    const { ref, path, bytes, sent, content, result } = written;
    try {
      if (bytes === null) this.#files.rename(ref, path);
      else this.#makeInTime(written, bytes);
      if (sent !== null) ids.announce(sent, ref.name, content);
    } catch (error) {
      // It is refused, and must not come back.
      gone(taskId(ref));
      this.#removeUnnamed(written);
      if (bytes === null) this.#files.removeQuietly(this.#options.spool.pathOf(ref));
      return result.failed(error);
    }
    this.#accepted(written);
  }

  #makeInTime({ ref, path, task }: Written, bytes: Uint8Array<ArrayBuffer>): void {
    const startedAt = this.#disk.begin();
    try {
      this.#files.makeWhole(ref, path, bytes, timeOf(task));
    } catch (error) {
      this.#cautiousUntil = startedAt + CAUTIOUS_MS;
      throw error;
    }
    this.#disk.ended(startedAt, MOST_FILE_MS);
  }

  #putAgain(written: Written): void {
    const { task, sent, result } = written;
    this.#removeUnnamed(written);
    this.#putSingle(task, sent, result);
  }

  #removeUnnamed({ path, bytes }: Written): void {
    if (bytes === null) this.#files.removeQuietly(path);
  }
}

/** Of its file, in seconds; null is now. */
function timeOf({ at }: NewTask): number | null {
  return at === undefined ? null : at / 1000;
}
