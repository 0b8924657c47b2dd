/**
 * From a stream of bytes to lines that are safe to log: long ones are cut, control characters are
 * made visible, bytes that are no UTF-8 become U+FFFD, and a flood is counted instead of read.
 *
 * @pure
 */

import type { OutputBudget } from "../report/output_budget.ts";
import { safeLine } from "../report/safe_text.ts";

/** Characters of a line that are kept; the rest of the line is dropped. */
export const LONGEST_LINE = 4096;
const NEWLINE = 10;

/** What may pass of an output. */
export interface LineLimit {
  readonly budget: OutputBudget;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Called before the next line that passes, or at the end. */
  dropped(lines: number): void;
}

export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #line = "";
  /** Bytes of the line so far. */
  #length = 0;
  #cut = false;
  #dropped = 0;

  constructor(private readonly emit: (line: string) => void, private readonly limit?: LineLimit) {}

  push(bytes: Uint8Array): void {
    this.limit?.budget.refill(this.limit.now());
    // Lines that pass are decoded together; of the others only the newlines are counted.
    let from = 0;
    let start = 0;
    let isPassing = true;
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] !== NEWLINE) continue;
      const passes = this.#passes(this.#length + at - start);
      if (passes !== isPassing) {
        if (isPassing) this.#take(bytes.subarray(from, start));
        isPassing = passes;
        from = start;
      }
      if (!passes) this.#drop();
      this.#length = 0;
      start = at + 1;
    }
    if (!isPassing) from = start;
    this.#length += bytes.length - start;
    this.#take(bytes.subarray(from));
  }

  #passes(length: number): boolean {
    return this.limit?.budget.take(Math.min(length, LONGEST_LINE)) ?? true;
  }

  /** The line is over, and is not logged. */
  #drop(): void {
    this.#dropped++;
    if (this.#length > 0) this.#decoder.decode();
    this.#line = "";
    this.#cut = false;
  }

  /** Takes whole lines, and the beginning of one. */
  #take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const parts = this.#decoder.decode(bytes, { stream: true }).split("\n");
    parts.forEach((part, i) => {
      if (i > 0) this.#end();
      this.#add(part);
    });
  }

  /** The stream is over: what is left is the last line. */
  close(): void {
    this.#add(this.#decoder.decode());
    if (this.#line !== "" && this.#passes(this.#length)) this.#end();
    else if (this.#line !== "") this.#dropped++;
    this.#reportDropped();
  }

  #add(text: string): void {
    const room = LONGEST_LINE - this.#line.length;
    this.#line += text.slice(0, room);
    if (text.length > room) this.#cut = true;
  }

  #end(): void {
    this.#reportDropped();
    this.emit(harmless(this.#line) + (this.#cut ? " …" : ""));
    this.#line = "";
    this.#cut = false;
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.limit?.dropped(dropped);
  }
}

/** The text of a line without the CR of DOS; nothing in it acts on a terminal. */
export function harmless(line: string): string {
  return safeLine(line.endsWith("\r") ? line.slice(0, -1) : line);
}

/** The last bytes of a stream. */
export class Tail {
  #bytes = new Uint8Array(0);

  constructor(private readonly limit: number) {}

  push(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    this.#bytes = joined.subarray(Math.max(0, joined.length - this.limit)).slice();
  }

  text(): string {
    return new TextDecoder().decode(this.#bytes);
  }
}
