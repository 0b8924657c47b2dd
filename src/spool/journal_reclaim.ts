/**
 * Reclaims the room of a journal: one syncfs on another thread brings the files of its tasks to the disk,
 * then its tail moves on. That is done at half of the ring, and otherwise some seconds after a task came
 * in, so that a power cut brings back nothing that was done long before.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { DurableCalls } from "../platform/durable_calls.ts";
import { CLOSED_CELL, HEAD_CELL, type JournalPlace, SETTLED_CELL, TAIL_CELL } from "./journal.ts";
import type { HeldJournal } from "./journal_file.ts";
import { DONE_OFFSET, doneBytesOf, tailWrite, UNIT } from "./journal_format.ts";
import { writeDoneMark } from "./journal_marks.ts";

/** A task that was done longer than this before a power cut, and a sync, is not put back by it. */
const RECLAIM_MS = 5000;
/** Marks wait for so long, or for so many. */
const MARKS_MS = 100;
const MARKS_AT_ONCE = 512;

export interface ReclaimOptions {
  readonly calls: Pick<DurableCalls, "write" | "syncLater" | "syncFileSystemLater">;
  readonly clock: Clock;
  /** A journal was closed, and why: tasks are synced themselves from now on. */
  readonly warn: (message: string) => void;
}

/** A journal in use. */
class OpenJournal {
  readonly cells: Int32Array;
  /** Positions: the tail in full, and how often it was written. */
  #tail: number;
  #tails = 0;
  readonly #words = new Uint32Array(new ArrayBuffer(MARKS_AT_ONCE * 8));
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #marks = 0;
  /** Of the next mark in the file. */
  #markAt: number;

  constructor(
    readonly held: HeldJournal,
    readonly place: JournalPlace,
    private readonly calls: ReclaimOptions["calls"],
    { tail, markAt }: { readonly tail: number; readonly markAt: number },
  ) {
    this.cells = new Int32Array(place.shared);
    this.#tail = tail;
    this.#markAt = markAt;
  }

  /** Whether a power cut could bring a task back, one that has not got its name included. */
  get hasTasks(): boolean {
    return (Atomics.load(this.cells, HEAD_CELL) - this.#tail | 0) > 0;
  }

  /** Units in use by tasks that have their names. */
  get used(): number {
    return (Atomics.load(this.cells, SETTLED_CELL) - this.#tail) >>> 0;
  }

  get isClosed(): boolean {
    return Atomics.load(this.cells, CLOSED_CELL) !== 0;
  }

  closeForGood(): void {
    Atomics.store(this.cells, CLOSED_CELL, 1);
  }

  get isHalfFull(): boolean {
    return this.used * UNIT * 2 >= this.place.ringBytes;
  }

  /** Adds a mark; whether there are as many as are written at once. */
  mark(id: string): boolean {
    writeDoneMark(this.#words, 2 * this.#marks++, this.place.id, id);
    return this.#marks === MARKS_AT_ONCE;
  }

  writeMarks(): void {
    const size = doneBytesOf(this.place.ringBytes);
    for (let from = 0; from < this.#marks * 8;) {
      const length = Math.min(this.#marks * 8 - from, size - this.#markAt);
      // A mark that is not written costs a run at most.
      this.calls.write(
        this.place.fd,
        this.#bytes.subarray(from, from + length),
        DONE_OFFSET + this.#markAt,
      );
      this.#markAt = (this.#markAt + length) % size;
      from += length;
    }
    this.#marks = 0;
  }

  /** All before a position is on disk: it is said in the file first, then to who writes. */
  moveTail(position: number): void {
    const { offset, bytes } = tailWrite(this.place.id, position, this.#tails++);
    if (this.calls.write(this.place.fd, bytes, offset) !== 0) return this.closeForGood();
    this.#tail = position;
    Atomics.store(this.cells, TAIL_CELL, position | 0);
  }

  get settled(): number {
    return this.#tail + this.used;
  }
}

export class JournalReclaim {
  readonly #options: ReclaimOptions;
  readonly #open: OpenJournal[] = [];
  /** Of programs that have ended: their tasks' files are in memory, and not all on disk. */
  #left: HeldJournal[] = [];
  #cancelTimer: Cancel | null = null;
  #cancelMarks: Cancel | null = null;
  #running: Promise<void> | null = null;
  /** Nothing more is reclaimed. */
  #isEnded = false;
  /** The descriptors are closed before long. */
  #isStopped = false;

  constructor(options: ReclaimOptions, private readonly remove: (journal: HeldJournal) => void) {
    this.#options = options;
  }

  add(
    held: HeldJournal,
    place: JournalPlace,
    state: { readonly tail: number; readonly markAt: number },
  ): void {
    this.#open.push(new OpenJournal(held, place, this.#options.calls, state));
    this.poke();
  }

  /** A journal that is removed once all files are on disk. */
  addLeft(held: HeldJournal): void {
    this.#left.push(held);
    this.poke();
  }

  get #isNeeded(): boolean {
    return this.#left.length > 0 || this.#open.some(({ used }) => used > 0);
  }

  /** To be called when tasks have come in; costs next to nothing. */
  poke(): void {
    if (this.#running || this.#isEnded || !this.#isNeeded) return;
    if (this.#open.some((each) => each.isHalfFull)) this.#start();
    else this.#cancelTimer ??= this.#options.clock.after(RECLAIM_MS, () => this.#start());
  }

  /** A task's file is gone for good: it is done, or was removed. */
  done(id: string): void {
    for (const journal of this.#open) {
      if (!journal.hasTasks) continue;
      if (journal.mark(id) || this.#isStopped) journal.writeMarks();
      else {
        this.#cancelMarks ??= this.#options.clock.after(MARKS_MS, () => this.#writeMarks());
      }
    }
  }

  #writeMarks(): void {
    this.#cancelMarks?.();
    this.#cancelMarks = null;
    for (const journal of this.#open) journal.writeMarks();
  }

  #start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#running ??= this.#reclaim().finally(() => {
      this.#running = null;
      this.poke();
    });
  }

  async #reclaim(): Promise<void> {
    const { calls, warn } = this.#options;
    const left = this.#left;
    const positions = this.#open.map((journal) => ({ journal, settled: journal.settled }));
    const fd = (this.#open[0]?.held ?? left[0])?.fd;
    if (fd === undefined) return;
    const isSynced = await calls.syncFileSystemLater(fd);
    if (this.#isEnded) return;
    if (!isSynced) {
      // Which file has not reached the disk nobody says; the next call would say nothing at all.
      for (const { journal } of positions) journal.closeForGood();
      this.#isEnded = true;
      return warn(
        "not all files could be written to the disk (syncfs): it goes on without a journal",
      );
    }
    this.#writeMarks();
    for (const { journal, settled } of positions) journal.moveTail(settled);
    this.#left = this.#left.filter((each) => !left.includes(each));
    for (const each of left) this.remove(each);
    // With nothing new to be synced, nobody else would take the tail to the disk.
    await Promise.all(
      this.#open.filter(({ used }) => used === 0).map(({ held }) => calls.syncLater(held.fd)),
    );
  }

  /** Nothing comes in any more. Resolves when no start has anything to put back, if the disk can be written. */
  async finish(): Promise<void> {
    await this.#running;
    if (this.#isEnded || !this.#isNeeded) return;
    this.#start();
    await this.#running;
  }

  /** What has not been reclaimed stays in the journals. */
  stop(): void {
    this.#cancelTimer?.();
    this.#writeMarks();
    this.#isEnded = this.#isStopped = true;
    for (const journal of this.#open) journal.closeForGood();
  }

  /** All that are locked because of this. */
  get held(): readonly HeldJournal[] {
    return [...this.#open.map(({ held }) => held), ...this.#left];
  }
}
