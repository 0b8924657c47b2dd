/**
 * Who reads the tasks of a long listing: this thread, and of very many a second one beside it, as half of the
 * time is the kernel's.
 */

import type { Dirents } from "../platform/dirents.ts";
import type { Libc } from "../platform/libc.ts";
import type { ListFilter } from "./matching.ts";
import { PlainTaskReader, type TaskReader } from "./plain_task.ts";
import { SecondReader } from "./second_reader.ts";

/** Some 16,000 tasks: fewer are read before a second thread has come up. */
const PIECES_ALONE = 20;

export class PieceReaders implements Disposable {
  readonly #own: PlainTaskReader;
  readonly #startSecond: () => SecondReader | null;
  #second: SecondReader | null = null;
  #pieces = 0;

  /** @param now milliseconds since the epoch */
  constructor(libc: Libc, filter: ListFilter, now: number) {
    this.#own = new PlainTaskReader(libc, filter, now);
    this.#startSecond = () => SecondReader.start({ filter, now });
  }

  /**
   * Hands each piece of an open directory to `take`, with the reader to ask about each task in it, one after
   * the other. It yields from time to time.
   */
  *read(
    fd: number,
    pieces: Iterable<Dirents>,
    take: (piece: Dirents, reader: TaskReader) => void,
  ): Generator<void> {
    try {
      for (const piece of pieces) {
        if (++this.#pieces === PIECES_ALONE) this.#second = this.#startSecond();
        for (const { dirents, results } of this.#second?.done() ?? []) {
          take(dirents, results);
          yield;
        }
        if (this.#second?.give(fd, piece)) continue;
        take(piece, this.#own);
        yield;
      }
      for (const dirents of this.#second?.takenBack() ?? []) {
        take(dirents, this.#own);
        yield;
      }
      for (const { dirents, results } of this.#second?.rest() ?? []) {
        take(dirents, results);
        yield;
      }
    } finally {
      // The descriptor is closed next.
      this.#second?.settle();
    }
  }

  [Symbol.dispose](): void {
    this.#second?.end();
  }
}
