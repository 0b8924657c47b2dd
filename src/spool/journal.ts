/**
 * The journal of a spool, as the thread that takes tasks writes it: what was added since the last sync
 * is written in one go, and one fdatasync puts all of it on disk. Nothing here waits for anything else.
 *
 * A task is accepted when `sync` returns: it is in the journal, and its file has its name. Should the
 * machine stop before the file is on disk, the next start makes it again (journal_restore.ts). The main
 * thread reclaims the room of tasks whose files are on disk (journal_reclaim.ts).
 */

import { type JournalId, ringOffsetOf, UNIT, UNITS_A_SECTOR } from "./journal_format.ts";
import { type JournalTask, mostRecordBytes, RecordMemory, writeRecord } from "./journal_record.ts";

export type { JournalTask } from "./journal_record.ts";

/** What a journal does to its file; a test replaces it by one that fails, tears or stops. */
export interface JournalDevice {
  /** Writes all of the bytes; 0, or -errno. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): number;
  /** 0 when all that was written is on disk; otherwise -errno. */
  sync(fd: number): number;
  /** The same on another thread; false when it failed. */
  syncLater(fd: number): Promise<boolean>;
}

/**
 * An open journal, as one thread hands it to another: descriptors are the process's. One thread makes a
 * {@link Journal} of it; the one that opened it keeps the rest.
 */
export interface JournalPlace {
  readonly fd: number;
  readonly id: JournalId;
  readonly ringBytes: number;
  /** The position of the next record. */
  readonly head: number;
  /** Of {@link SHARED_CELLS} numbers of 32 bits. */
  readonly shared: SharedArrayBuffer;
}

/** The lower half of the position before which every task has its name and its accepted line. */
export const SETTLED_CELL = 0;
/** The lower half of the position before which all is reclaimed. */
export const TAIL_CELL = 1;
/** Not 0 once the journal is not to be used any more. */
export const CLOSED_CELL = 2;
/** The lower half of the position behind every task that was added. */
export const HEAD_CELL = 3;
export const SHARED_CELLS = 4;

/** Tasks whose file is longer are not worth a journal: they are synced themselves. */
const MOST_JOURNALLED_BYTES = 64 * 1024;

/** Of a record, besides the bytes of its task's file. */
const MOST_TEXT = 4096;
const MOST_RECORD = MOST_JOURNALLED_BYTES + MOST_TEXT;
/** Written at once at most; more is written in parts, and synced together. */
const GATHERED_BYTES = 1024 * 1024;

/** The journal could not be written. What was added since the last good sync is not in it. */
export class JournalError extends Error {
  override name = "JournalError";
}

/**
 * One round of the thread that takes tasks: {@link add} each task whose file lies in tmp, {@link sync},
 * append the accepted lines, {@link settle}, answer. docs/decisions.md ("A journal beside the files") has
 * the reasons for this order.
 */
export class Journal {
  readonly #device: JournalDevice;
  readonly #place: JournalPlace;
  readonly #cells: Int32Array;
  readonly #ringUnits: number;
  readonly #ringOffset: number;
  readonly #memory = new RecordMemory(GATHERED_BYTES);
  /** Of the next record. */
  #head: number;
  /** Of the first record that is not written yet. */
  #unwritten: number;
  /** Of the first record that is not on disk yet. */
  #unsynced: number;

  constructor(device: JournalDevice, place: JournalPlace) {
    this.#device = device;
    this.#place = place;
    this.#cells = new Int32Array(place.shared);
    this.#ringUnits = place.ringBytes / UNIT;
    this.#ringOffset = ringOffsetOf(place.ringBytes);
    this.#head = this.#unwritten = this.#unsynced = place.head;
  }

  /** It is not to be used any more: a write, or a sync, has failed. */
  get isClosed(): boolean {
    return Atomics.load(this.#cells, CLOSED_CELL) !== 0;
  }

  /** Whether something waits for a {@link sync}. */
  get hasUnsynced(): boolean {
    return this.#head > this.#unsynced;
  }

  /** Whether a task of so many bytes, its body included, would be taken now. */
  mayTake(bytes: number): boolean {
    const units = Math.ceil((bytes + MOST_TEXT) / UNIT) + 2 * UNITS_A_SECTOR;
    // The rest of the ring may be too short for it.
    return !this.isClosed && bytes <= MOST_JOURNALLED_BYTES &&
      this.#head + 2 * units - this.#tail() <= this.#ringUnits;
  }

  /**
   * Takes a task whose file is made. False when it is to be synced without a journal: it is too
   * long, the journal is closed, or its room is not reclaimed yet.
   */
  add(task: JournalTask): boolean {
    if (this.isClosed) return false;
    const most = mostRecordBytes(task);
    if (most > MOST_RECORD) return false;
    const start = this.#roomFor(most);
    if (start === null) return false;
    const at = (start - this.#unwritten) * UNIT;
    const length = writeRecord(this.#memory, at, this.#place.id, start, task);
    if (length === 0) return false;
    this.#head = start + length / UNIT;
    Atomics.store(this.#cells, HEAD_CELL, this.#head | 0);
    return true;
  }

  /** Where the next record may be of so many bytes; null without room. */
  #roomFor(bytes: number): number | null {
    // From the end of the sector before it, should that be written first, to the end of its last.
    const units = Math.ceil(bytes / UNIT) + 2 * UNITS_A_SECTOR;
    const inRing = this.#head % this.#ringUnits;
    const isAtEnd = inRing + units > this.#ringUnits;
    const start = isAtEnd ? this.#head - inRing + this.#ringUnits : this.#head;
    if (start + units - this.#tail() > this.#ringUnits) return null;
    const isGathered = (start + units - this.#unwritten) * UNIT <= GATHERED_BYTES;
    if (!isAtEnd && isGathered) return start;
    if (!this.#write()) return null;
    if (isAtEnd) this.#head = this.#unwritten = start;
    return this.#head;
  }

  #tail(): number {
    const low = Atomics.load(this.#cells, TAIL_CELL);
    return this.#head - ((this.#head - low) >>> 0);
  }

  /** Hands what was gathered to the kernel. */
  #write(): boolean {
    if (this.#head === this.#unwritten) return true;
    const end = Math.ceil(this.#head / UNITS_A_SECTOR) * UNITS_A_SECTOR;
    const length = (end - this.#unwritten) * UNIT;
    const { bytes } = this.#memory;
    bytes.fill(0, (this.#head - this.#unwritten) * UNIT, length);
    const written = this.#device.write(
      this.#place.fd,
      bytes.subarray(0, length),
      this.#offsetOf(this.#unwritten),
    );
    this.#head = this.#unwritten = end;
    if (written === 0) return true;
    this.#close();
    return false;
  }

  #offsetOf(position: number): number {
    return this.#ringOffset + (position % this.#ringUnits) * UNIT;
  }

  /**
   * Everything that was added is on disk when this returns.
   *
   * @throws {JournalError} when it is not: the journal is closed then, for good, because after a failed
   * fdatasync a later one says nothing about what was written before
   */
  sync(): void {
    if (!this.hasUnsynced) return;
    const isWritten = !this.isClosed && this.#write();
    const errno = isWritten ? -this.#device.sync(this.#place.fd) : null;
    if (errno !== 0) this.#fail(errno);
    this.#unsynced = this.#head;
  }

  /**
   * Like {@link sync}, on another thread; what is added meanwhile is not a part of it. Not to be called
   * again before it has ended.
   */
  async syncLater(): Promise<void> {
    // What was added while a sync failed is gone with what that sync was for.
    const isWritten = !this.isClosed && this.#write();
    if (isWritten && !this.hasUnsynced) return;
    const head = this.#head;
    if (!isWritten || !(await this.#device.syncLater(this.#place.fd))) this.#fail(null);
    this.#unsynced = head;
  }

  /**
   * Every task that was synced has its name and its accepted line: once these are on disk, its room can
   * be used again.
   *
   * @param position as {@link position} was when the last of them had been synced; absent is now
   */
  settle(position = this.#unsynced): void {
    Atomics.store(this.#cells, SETTLED_CELL, position | 0);
  }

  /** Before it is all that was synced. */
  get position(): number {
    return this.#unsynced;
  }

  #fail(errno: number | null): never {
    this.#close();
    this.#unsynced = this.#head;
    throw new JournalError(
      `the journal cannot be written${errno === null ? "" : ` (errno ${errno})`}`,
    );
  }

  /** What is not on disk for certain had better not be there: its tasks may be refused. */
  #close(): void {
    Atomics.store(this.#cells, CLOSED_CELL, 1);
    const { bytes } = this.#memory;
    bytes.fill(0);
    for (let from = this.#unsynced; from < this.#head;) {
      const inRing = from % this.#ringUnits;
      const most = Math.min(this.#head - from, this.#ringUnits - inRing, GATHERED_BYTES / UNIT);
      if (
        this.#device.write(this.#place.fd, bytes.subarray(0, most * UNIT), this.#offsetOf(from))
      ) {
        return;
      }
      from += most;
    }
  }
}
