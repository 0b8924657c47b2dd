/**
 * Writes lines in batches: what comes while the program is busy goes out with one system call as soon
 * as it is not. A busy spool writes tens of thousands of lines a second.
 *
 * @pure
 */

import { joined } from "../platform/bytes.ts";

/** Lines that wait are written at once when they come to this many characters. */
const BATCH = 64 * 1024;
/** When nobody reads them and the pipe is full, this many characters are kept and the rest is lost. */
const MOST_KEPT = 16 * 1024 * 1024;

export interface WriterOptions {
  /** Writes some of the bytes and says how many; throws when it can take none. */
  write(bytes: Uint8Array): number;
  /** Calls `action` when the program has done what it is at. */
  soon(action: () => void): void;
}

export class LineWriter {
  readonly #encoder = new TextEncoder();
  #lines = "";
  #rest: Uint8Array = new Uint8Array(0);
  #waiting = false;

  constructor(private readonly options: WriterOptions) {}

  line(text: string): void {
    if (this.#lines.length + this.#rest.length < MOST_KEPT) this.#lines += `${text}\n`;
    if (this.#lines.length >= BATCH && this.#rest.length === 0) this.flush();
    if (!this.#waiting) this.#flushSoon();
  }

  #flushSoon(): void {
    this.#waiting = true;
    this.options.soon(() => {
      this.#waiting = false;
      this.flush();
    });
  }

  /**
   * Writes what waits. What the other end cannot take now is tried again with the next line: a log
   * that nobody reads, or a full disk, must not end the program or hold it up.
   */
  flush(): void {
    const fresh = this.#encoder.encode(this.#lines);
    this.#lines = "";
    const bytes = this.#rest.length === 0 ? fresh : joined([this.#rest, fresh]);
    let at = 0;
    try {
      while (at < bytes.length) at += this.options.write(bytes.subarray(at));
    } catch {
      // Told nowhere: the place to tell it is the one that failed.
    }
    this.#rest = bytes.subarray(at);
  }
}
