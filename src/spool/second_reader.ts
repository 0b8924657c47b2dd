/**
 * A second thread that reads tasks for a long listing. Both threads see the pieces of the directory, and what
 * was found of their tasks, in the same memory: the thread of the listing never waits for a message.
 */

import { Dirents } from "../platform/dirents.ts";
import type { ListFilter } from "./matching.ts";
import { PieceResults, SharedPiece } from "./shared_piece.ts";

/** Enough that the second thread has always one to read. */
const PIECES = 4;

/** What the thread is told at its start. */
export interface SecondReaderStart {
  readonly pieces: readonly SharedArrayBuffer[];
  readonly filter: ListFilter;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

interface GivenPiece {
  /** Of this thread; the other has a copy. */
  readonly dirents: Dirents;
  readonly shared: SharedPiece;
}

export interface ReadPiece {
  readonly dirents: Dirents;
  readonly results: PieceResults;
}

export class SecondReader {
  readonly #worker: Worker;
  /** Given in their order, again and again. */
  readonly #pieces: readonly GivenPiece[];
  #given = 0;
  /** Of those that were given. */
  #finished = 0;

  private constructor({ filter, now }: Omit<SecondReaderStart, "pieces">) {
    this.#pieces = Array.from({ length: PIECES }, () => ({
      dirents: new Dirents(),
      shared: new SharedPiece(),
    }));
    const module = new URL("./second_reader_worker.ts", import.meta.url).href;
    this.#worker = new Worker(module, { type: "module", name: "reader" });
    // What it does not read stays to be taken back.
    this.#worker.onerror = (event) => event.preventDefault();
    const pieces = this.#pieces.map(({ shared }) => shared.memory);
    this.#worker.postMessage({ pieces, filter, now } satisfies SecondReaderStart);
  }

  /** Null when the machine has no room for another thread. */
  static start(options: Omit<SecondReaderStart, "pieces">): SecondReader | null {
    try {
      return new SecondReader(options);
    } catch {
      return null;
    }
  }

  /**
   * Has a piece of a directory read.
   *
   * @param fd of the directory, to stay open until the piece is done or taken back
   * @returns false when there is enough to do
   */
  give(fd: number, { buffer, length }: Dirents): boolean {
    if (this.#given - this.#finished === PIECES) return false;
    const { dirents, shared } = this.#piece(this.#given);
    dirents.buffer.set(buffer.subarray(0, length));
    dirents.length = length;
    shared.give(fd, dirents);
    this.#given++;
    return true;
  }

  #piece(number: number): GivenPiece {
    return this.#pieces[number % PIECES] as GivenPiece;
  }

  /** What was read meanwhile; each is gone when the next is asked for. */
  *done(): Generator<ReadPiece> {
    while (this.#finished < this.#given && this.#piece(this.#finished).shared.isDone) {
      yield* this.#finish();
    }
  }

  /** What the thread has not begun with, and will not; each is gone when the next piece is given. */
  *takenBack(): Generator<Dirents> {
    while (this.#finished < this.#given && this.#piece(this.#given - 1).shared.takeBack()) {
      yield this.#piece(--this.#given).dirents;
    }
  }

  /** All that was given. */
  *rest(): Generator<ReadPiece> {
    while (this.#finished < this.#given) {
      this.#piece(this.#finished).shared.waitUntilDone();
      yield* this.#finish();
    }
  }

  *#finish(): Generator<ReadPiece> {
    const { dirents, shared } = this.#piece(this.#finished++);
    yield { dirents, results: new PieceResults(shared) };
  }

  /** Afterwards the thread reads nothing. */
  settle(): void {
    for (const _ of this.takenBack());
    for (const _ of this.rest());
  }

  end(): void {
    this.settle();
    for (const { shared } of this.#pieces) shared.end();
    this.#worker.terminate();
  }
}
