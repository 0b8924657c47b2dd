/**
 * Takes new tasks into a spool, many at a time: what comes in one round of the thread's loop is written,
 * synced by one sync of the journal (the commit point; without fsync it is the rename), and then named.
 * Bodies that are still on their way, a busy disk and a spool without a journal are src/spool/intake.ts's.
 */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { SystemError } from "../platform/libc.ts";
import { HEADER_SIZE, MAX_VARS_SIZE, MODIFIER_SPOOL, writePacket } from "../wire/packet.ts";
import type { NewTask } from "../task/new_task.ts";
import type { AcceptedIds, SentId } from "./accepted_ids.ts";
import { keyOf } from "./accepted_lines.ts";
import { BusyDisk } from "./busy_disk.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
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

/** A task of this batch, whose file is in tmp. */
interface Written {
  readonly ref: TaskRef;
  readonly path: string;
  readonly dueAt: number;
  readonly sent: SentId | null;
  readonly content: string;
  readonly task: NewTask;
  readonly result: PutResult;
}

/** A disk that takes longer than this for a file, or for a sync of the journal, is busy. */
const MOST_FILE_MS = 200;
const MOST_SYNC_MS = 1000;

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

  constructor(options: BatchIntakeOptions) {
    this.#options = options;
    this.#disk = new BusyDisk(options.spool.clock);
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
    const bytes = bytesOf(task);
    checkFreeBytes(spool.path, this.#limits.minFreeBytes, bytes.length);
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
    this.#create(path, bytes, task.at === undefined ? null : dueAt / 1000);
    const written = { ref, path, dueAt, sent, content, task, result };
    if (!spool.fsync) this.#nameNow(written);
    else this.#journalise(written, bytes);
    this.#disk.ended(startedAt, MOST_FILE_MS);
  }

  #create(path: string, bytes: Uint8Array<ArrayBuffer>, time: number | null): void {
    try {
      this.#options.spool.files.createSync(path, bytes, { mode: TASK_MODE, time });
    } catch (error) {
      this.#removeQuietly(path);
      // The peer has no use for the name of a file that is gone.
      if (error instanceof SystemError) throw new Error(`${error.text} (errno ${error.errno})`);
      throw error;
    }
  }

  /** Without fsync: the line of its id is written before it has its name. */
  #nameNow(written: Written): void {
    const { ids } = this.#options;
    const { ref, path, sent, content, dueAt, result } = written;
    let isAnnounced = false;
    try {
      if (sent !== null) {
        ids.announce(sent, ref.name, content);
        isAnnounced = true;
      }
      this.#rename(written);
    } catch (error) {
      if (isAnnounced && sent !== null) ids.withdrawNow(sent);
      this.#removeQuietly(path);
      throw error;
    }
    if (sent !== null) ids.confirm(sent);
    this.#options.count.added();
    result.accepted(ref, dueAt);
  }

  #journalise(written: Written, bytes: Uint8Array): void {
    const { ids } = this.#options;
    const { ref, path, sent, content, dueAt, task, result } = written;
    const isAdded = this.#journal?.add({
      id: taskId(ref),
      dueAt,
      parts: [bytes],
      acceptedLine: sent === null ? null : ids.lineFor(sent, ref.name, content),
    });
    if (isAdded !== true) {
      this.#removeQuietly(path);
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

  #accept(written: Written): void {
    const { ids, count, gone } = this.#options;
    const { ref, path, sent, content, dueAt, result } = written;
    try {
      this.#rename(written);
      if (sent !== null) ids.announce(sent, ref.name, content);
    } catch (error) {
      // It is refused, and must not come back.
      gone(taskId(ref));
      this.#removeQuietly(path);
      this.#removeQuietly(this.#options.spool.pathOf(ref));
      return result.failed(error);
    }
    if (sent !== null) ids.confirm(sent);
    count.added();
    result.accepted(ref, dueAt);
  }

  #putAgain({ path, task, sent, result }: Written): void {
    this.#removeQuietly(path);
    this.#putSingle(task, sent, result);
  }

  #rename({ ref, path }: Written): void {
    const { spool } = this.#options;
    if (ref.priority !== null) spool.files.mkdirSync(join(spool.path, ref.priority), 0o750);
    spool.files.renameSync(path, spool.pathOf(ref));
  }

  #removeQuietly(path: string): void {
    try {
      this.#options.spool.removeIfThere(path);
    } catch {
      // What is in tmp is swept at a later start.
    }
  }
}

/** A packet and the body that came in it: each may have as much as a packet can say. */
const memory = new Uint8Array(2 * (HEADER_SIZE + MAX_VARS_SIZE));

/** All that the file holds, until this is called again. */
function bytesOf({ vars, body }: NewTask): Uint8Array<ArrayBuffer> {
  let end = writePacket(vars, SPOOL, memory, 0);
  if (body instanceof Uint8Array) {
    memory.set(body, end);
    end += body.length;
  }
  return memory.subarray(0, end);
}

const SPOOL = { modifier1: MODIFIER_SPOOL, modifier2: 0 };
