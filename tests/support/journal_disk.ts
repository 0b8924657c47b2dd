/** A journal's file in memory, with a disk behind it that loses, tears and refuses what it is given. */

import {
  type Journal,
  type JournalDevice,
  type JournalPlace,
  SHARED_CELLS,
  TAIL_CELL,
} from "../../src/spool/journal.ts";
import {
  headerWrites,
  journalBytesOf,
  type JournalId,
  readHeader,
  readTail,
  ringOffsetOf,
  SECTOR,
  tailWrite,
} from "../../src/spool/journal_format.ts";
import { type JournalRecord, readRing, RecordMemory } from "../../src/spool/journal_record.ts";
import { assert } from "./assert.ts";

export const RING_BYTES = 64 * 1024;
const ID: JournalId = [0x12345678, 0x9abcdef0];
const EIO = 5;

export class JournalDisk implements JournalDevice {
  /** As the program sees it. */
  readonly cached = new Uint8Array(journalBytesOf(RING_BYTES));
  /** As it is after a power cut. */
  readonly #onDisk = new Uint8Array(journalBytesOf(RING_BYTES));
  /** Offsets of sectors that were written and not synced. */
  readonly #dirty = new Set<number>();
  #operations = 0;
  #tails = 0;

  /** @param failAt the operation that fails, counted from 1 */
  constructor(private readonly failAt = Infinity) {
    for (const { offset, bytes } of headerWrites({ id: ID, ringBytes: RING_BYTES, identity: "" })) {
      this.cached.set(bytes, offset);
      this.#onDisk.set(bytes, offset);
    }
  }

  /** A place for a journal that goes on with what is on this disk. */
  place(head = 0, tail = 0): JournalPlace {
    const shared = new SharedArrayBuffer(4 * SHARED_CELLS);
    new Int32Array(shared)[TAIL_CELL] = tail | 0;
    return { fd: 0, id: ID, ringBytes: RING_BYTES, head, shared };
  }

  get hasFailed(): boolean {
    return this.#operations >= this.failAt;
  }

  write(_fd: number, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
    const fails = ++this.#operations === this.failAt;
    // What fails may have written some of it.
    const length = fails ? Math.floor(bytes.length / 2 / SECTOR) * SECTOR : bytes.length;
    assert(offset + bytes.length <= this.cached.length, "a write behind the end of the file");
    this.cached.set(bytes.subarray(0, length), offset);
    for (let at = offset - offset % SECTOR; at < offset + length; at += SECTOR) this.#dirty.add(at);
    return fails ? -EIO : 0;
  }

  sync(_fd: number): number {
    if (++this.#operations === this.failAt) {
      // The kernel forgets that it was not written.
      this.#dirty.clear();
      return -EIO;
    }
    for (const at of this.#dirty) this.#onDisk.set(this.cached.subarray(at, at + SECTOR), at);
    this.#dirty.clear();
    return 0;
  }

  syncLater(fd: number): Promise<boolean> {
    return Promise.resolve(this.sync(fd) === 0);
  }

  /** As the main thread does it when the files of all that was settled are on disk. */
  reclaim({ shared }: JournalPlace, position: number): void {
    const { offset, bytes } = tailWrite(ID, position, this.#tails++);
    this.write(0, bytes, offset);
    Atomics.store(new Int32Array(shared), TAIL_CELL, position | 0);
  }

  /** What a power cut leaves now, when `survives` says which sectors were written just before it. */
  cut(survives: (sector: number) => boolean): Uint8Array<ArrayBuffer> {
    const image = this.#onDisk.slice();
    for (const at of this.#dirty) {
      if (survives(at)) image.set(this.cached.subarray(at, at + SECTOR), at);
    }
    return image;
  }
}

/** What a start reads from a journal: the records that are not reclaimed, by the ids of their tasks. */
export function liveIn(image: Uint8Array<ArrayBuffer>): Map<string, JournalRecord> {
  const header = readHeader(image);
  assert(header.kind === "header", header.kind);
  const from = ringOffsetOf(header.ringBytes);
  const memory = new RecordMemory(image.slice(from, from + header.ringBytes).buffer);
  const tail = readTail(header.id, image);
  const { records } = readRing(memory, header, tail);
  return new Map(records.map((record) => [record.id, record]));
}

/** Adds a task of so many bytes; whether the journal took it. */
export function addTask(journal: Journal, id: string, bytes: Uint8Array): boolean {
  const half = bytes.length >> 1;
  return journal.add({
    id,
    dueAt: bytes.length,
    parts: [bytes.subarray(0, half), bytes.subarray(half)],
    acceptedLine: bytes.length % 3 === 0 ? `+ ${id} .` : null,
  });
}
