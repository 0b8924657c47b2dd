/**
 * Entries as the bytes that are written. What a task leaves that went well and printed nothing is made here
 * digit by digit: thousands of them end in a second, and an object and a text for each would keep the garbage
 * collector busy. Everything else passes through {@link entryLine}, which says the same.
 *
 * @pure
 */

import { entryLine, type HistoryEntry } from "./entry.ts";

const FIRST_SIZE = 64 * 1024;
const MOST_KEPT = 4 * FIRST_SIZE;
/** Of a plain entry without its texts. */
const MOST_AROUND = 256;
/** Bytes of a character of UTF-16 at most. */
const MOST_IN_UTF8 = 3;
/** Larger numbers are written as JSON does. */
const LARGEST = 1e15;
const HALF = 1e6;
const ZERO = 48;
const QUOTE = 34;
const BACKSLASH = 92;

const encoder = new TextEncoder();
type LinePart = Uint8Array<ArrayBuffer>;

const linePart = (text: string): LinePart => Uint8Array.from(encoder.encode(text));
const NAME = linePart('{"name":"');
const FUNC = linePart('","func":"');
const ATTEMPT = linePart('","attempt":');
const STARTED = linePart(',"startedAt":');
const TOOK = linePart(',"tookMs":');
const WAIT = linePart(',"waitMs":');
const END = linePart(',"fate":"done","dueAt":null,"reason":null,"output":null}\n');
const NULL = linePart("null");

export class EntryBytes {
  #bytes: LinePart = new Uint8Array(FIRST_SIZE);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was added since {@link clear}, until something more is. */
  get bytes(): LinePart {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Gives back what very many entries took. */
  release(): void {
    this.#length = 0;
    if (this.#bytes.length > MOST_KEPT) this.#bytes = new Uint8Array(FIRST_SIZE);
  }

  add(entry: HistoryEntry): void {
    this.#text(entryLine(entry));
  }

  /**
   * A task that is done and has printed nothing.
   *
   * @param at its end; all times are in milliseconds
   */
  addPlain(
    name: string,
    func: string,
    attempt: number,
    at: number,
    tookMs: number,
    waitMs: number | null,
  ): void {
    this.#makeRoom(0);
    this.#part(NAME);
    this.#quoted(name);
    this.#part(FUNC);
    this.#quoted(func);
    this.#part(ATTEMPT);
    this.#whole(attempt);
    this.#part(STARTED);
    this.#whole(startOf(at, tookMs));
    this.#part(TOOK);
    this.#tenths(tenthsOf(tookMs));
    this.#part(WAIT);
    if (waitMs === null) this.#part(NULL);
    else this.#whole(Math.round(waitMs));
    this.#part(END);
  }

  /** For so many bytes, and for all that may stand behind them until room is made again. */
  #makeRoom(size: number): void {
    const needed = this.#length + size + MOST_AROUND;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.bytes);
    this.#bytes = larger;
  }

  #part(part: LinePart): void {
    const bytes = this.#bytes;
    let length = this.#length;
    for (let at = 0; at < part.length; at++) bytes[length++] = part[at] as number;
    this.#length = length;
  }

  #text(text: string): void {
    this.#makeRoom(MOST_IN_UTF8 * text.length);
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** Between quotes that are there: plain ASCII as it is, else as JSON has it. */
  #quoted(text: string): void {
    this.#makeRoom(text.length);
    const bytes = this.#bytes;
    const from = this.#length;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
        return this.#text(JSON.stringify(text).slice(1, -1));
      }
      bytes[from + at] = code;
    }
    this.#length = from + text.length;
  }

  #whole(value: number): void {
    if (!(value >= 0 && value < LARGEST)) return this.#text(JSON.stringify(value));
    if (value < HALF) return this.#digits(value, 1);
    const high = Math.floor(value / HALF);
    if (high < HALF) this.#digits(high, 1);
    else {
      this.#digits(Math.floor(high / HALF), 1);
      this.#digits(high % HALF, 6);
    }
    this.#digits(value - high * HALF, 6);
  }

  /** A number that fits in an integer of the machine, in so many digits at least. */
  #digits(value: number, least: number): void {
    let left = value | 0;
    let count = least;
    for (let bound = 10 ** least; left >= bound; bound *= 10) count++;
    const end = this.#length + count;
    for (let at = end - 1; at >= this.#length; at--) {
      const next = (left / 10) | 0;
      this.#bytes[at] = ZERO + left - 10 * next;
      left = next;
    }
    this.#length = end;
  }

  #tenths(value: number): void {
    if (!(value >= 0 && value < LARGEST)) return this.#text(JSON.stringify(value / 10));
    const whole = Math.floor(value / 10);
    this.#whole(whole);
    const rest = value - 10 * whole;
    if (rest === 0) return;
    this.#bytes[this.#length++] = 46;
    this.#digits(rest, 1);
  }
}

/** When a run started, in whole milliseconds. */
export const startOf = (endedAt: number, tookMs: number) => Math.round(endedAt - tookMs);
/** A duration in tenths of a millisecond. */
export const tenthsOf = (ms: number) => Math.round(ms * 10);
