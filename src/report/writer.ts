/**
 * Writes lines in batches, and never waits for their reader: what comes while the program is busy
 * goes out with one system call as soon as it is not. What cannot be written is kept up to a limit;
 * lines beyond it are dropped and counted, and the count is written when there is room again.
 *
 * @pure
 */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";

/** Lines that wait are written at once when they come to this many characters. */
const BATCH = 64 * 1024;
/** Characters that are kept while nothing can be written. */
export const MOST_KEPT = 2 * 1024 * 1024;
/** Between two tries when nothing can be written. */
const RETRY_MS = 100;

/** Lines that were dropped because they could not be written. */
export interface DroppedLines {
  readonly lines: number;
  /** From the first of them until now. */
  readonly forMs: number;
  /** What the system says; null when nobody read. */
  readonly reason: string | null;
}

export interface WriterOptions {
  /** Writes some of the bytes and says how many: 0 when it can take none now; throws when it failed. */
  write(bytes: Uint8Array<ArrayBuffer>): number;
  readonly clock: Clock;
  /** The line that says what was dropped. */
  lostLine(lost: DroppedLines): string;
}

export class LineWriter {
  readonly #encoder = new TextEncoder();
  #lines = "";
  /** What could not be written so far; in front of all lines. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #isWaiting = false;
  #lost = 0;
  #lostSince = 0;
  /** Why the last write failed; null when it did not fail. */
  #reason: string | null = null;

  constructor(private readonly options: WriterOptions) {}

  line(text: string): void {
    // What comes after a dropped line comes after its count, too.
    if (this.#lost > 0 || this.#kept >= MOST_KEPT) this.#lose();
    else this.#lines += `${text}\n`;
    if (this.#lines.length >= BATCH) this.flush();
    this.#flushLater(0);
  }

  get #kept(): number {
    return this.#lines.length + this.#rest.length;
  }

  #lose(): void {
    if (this.#lost++ === 0) this.#lostSince = this.options.clock.monotonic();
  }

  #flushLater(delayMs: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.options.clock.after(delayMs, () => {
      this.#isWaiting = false;
      this.flush();
    });
  }

  /** Writes as much as can be written now; true when nothing is left. */
  flush(): boolean {
    if (!this.#writeRest()) return this.#later();
    if (this.#lost > 0) this.#lines += `${this.#lostText()}\n`;
    // Never shared memory, though older types leave that open.
    this.#rest = this.#encoder.encode(this.#lines) as Uint8Array<ArrayBuffer>;
    this.#lines = "";
    return this.#writeRest() || this.#later();
  }

  #lostText(): string {
    const { clock, lostLine } = this.options;
    const forMs = clock.monotonic() - this.#lostSince;
    const lost = { lines: this.#lost, forMs, reason: this.#reason };
    this.#lost = 0;
    this.#reason = null;
    return lostLine(lost);
  }

  #later(): false {
    this.#flushLater(RETRY_MS);
    return false;
  }

  /** False when something is left: a log that nobody reads, or a full disk, ends nothing. */
  #writeRest(): boolean {
    let at = 0;
    try {
      while (at < this.#rest.length) {
        const count = this.options.write(at === 0 ? this.#rest : this.#rest.subarray(at));
        if (count === 0) break;
        at += count;
      }
    } catch (error) {
      this.#reason = reasonOf(error);
    }
    this.#rest = this.#rest.subarray(at);
    return this.#rest.length === 0;
  }
}
