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
  /**
   * What does not pass, for who keeps more of it; absent where nobody does. `skipped` lines came before
   * these: of many short ones at once it gets the last.
   */
  overflow?(lines: readonly string[], skipped: number): void;
}

/** What a line that does not pass costs at least, as bytes: newlines alone come in millions. */
const BYTES_OF_A_LINE = 32;

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
    let over = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] !== NEWLINE) continue;
      const passes = this.#passes(this.#length + at - start);
      if (passes !== isPassing) {
        if (isPassing) this.#take(bytes.subarray(from, start), this.#pass);
        else this.#drop(bytes.subarray(from, start), over);
        isPassing = passes;
        from = start;
        over = 0;
      }
      if (!passes) over++;
      this.#length = 0;
      start = at + 1;
    }
    if (!isPassing) {
      this.#drop(bytes.subarray(from, start), over);
      from = start;
    }
    this.#length += bytes.length - start;
    this.#take(bytes.subarray(from), this.#pass);
  }

  #passes(length: number): boolean {
    return this.limit?.budget.take(Math.min(length, LONGEST_LINE)) ?? true;
  }

  /** So many lines that do not pass. */
  #drop(bytes: Uint8Array, count: number): void {
    this.#dropped += count;
    const most = this.limit?.overflow ? Math.ceil(bytes.length / BYTES_OF_A_LINE) : 0;
    const kept = Math.min(count, most);
    if (kept < count) {
      // What the line began with is lost, too.
      this.#decoder.decode();
      this.#line = "";
      this.#cut = false;
    }
    if (kept === 0) return;
    const lines: string[] = [];
    this.#take(kept < count ? lastLines(bytes, kept) : bytes, (line) => lines.push(line));
    this.limit?.overflow?.(lines, count - kept);
  }

  /** Takes whole lines, and the beginning of one. */
  #take(bytes: Uint8Array, take: (line: string) => void): void {
    if (bytes.length === 0) return;
    const parts = this.#decoder.decode(bytes, { stream: true }).split("\n");
    parts.forEach((part, i) => {
      if (i > 0) this.#end(take);
      this.#add(part);
    });
  }

  /** The stream is over: what is left is the last line. */
  close(): void {
    this.#add(this.#decoder.decode());
    if (this.#line !== "" && this.#passes(this.#length)) this.#end(this.#pass);
    else if (this.#line !== "") {
      this.#dropped++;
      this.#end((line) => this.limit?.overflow?.([line], 0));
    }
    this.#reportDropped();
  }

  readonly #pass = (line: string): void => {
    this.#reportDropped();
    this.emit(line);
  };

  #add(text: string): void {
    const room = LONGEST_LINE - this.#line.length;
    this.#line += text.slice(0, room);
    if (text.length > room) this.#cut = true;
  }

  #end(take: (line: string) => void): void {
    take(harmless(this.#line) + (this.#cut ? " …" : ""));
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

/** The last `count` lines of bytes that end with a newline. */
function lastLines(bytes: Uint8Array, count: number): Uint8Array {
  let from = bytes.length;
  for (let left = count; left >= 0 && from > 0; left--) {
    from = bytes.lastIndexOf(NEWLINE, from - 1);
    if (from < 0) return bytes;
    if (left === 0) return bytes.subarray(from + 1);
  }
  return bytes.subarray(from);
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
    return this.#bytes.length === 0 ? "" : new TextDecoder().decode(this.#bytes);
  }
}
