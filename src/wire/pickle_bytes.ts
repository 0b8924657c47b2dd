/**
 * The bytes of a pickle that come in pieces, and what the arguments of its opcodes must be like. What
 * reads is a generator, which yields while bytes are missing.
 *
 * @pure
 */

import { LightError } from "../platform/light_error.ts";

const NEWLINE = 0x0a;
/** Of a line, so many bytes are kept. No name of a module is longer. */
const LONGEST_LINE = 4096;

interface TextLine {
  readonly text: string;
  readonly isWhole: boolean;
}

/** Loading it raises before it has done anything. */
export class NoPickle extends LightError {}

export class LikelyPickle extends LightError {}

/** A module or an attribute, as `import` could find it. In Latin-1, bytes above 0x7f may be letters. */
export function isModule({ text, isWhole }: TextLine): boolean {
  return isWhole && /^[A-Za-z_\x80-\xff][\w.\x80-\xff]*$/.test(text);
}

export class PickleBytes {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #isOver = false;

  /** The next piece, when all of the one before has been read. */
  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** All has come. */
  end(): void {
    this.#isOver = true;
  }

  /** Passes over like bytes that follow one another in this piece, and counts them. */
  countOf(byte: number): number {
    const from = this.#at;
    while (this.#bytes[this.#at] === byte) this.#at++;
    return this.#at - from;
  }

  *byte(): Generator<void, number, void> {
    while (this.#at >= this.#bytes.length) yield* this.#more();
    return this.#bytes[this.#at++] ?? 0;
  }

  *#more(): Generator<void, void, void> {
    if (this.#isOver) throw new NoPickle();
    yield;
  }

  *isAtEnd(): Generator<void, boolean, void> {
    while (!this.#isOver) {
      if (this.#at < this.#bytes.length) return false;
      yield;
    }
    return this.#at >= this.#bytes.length;
  }

  /** A little-endian length. */
  *length(size: number): Generator<void, number, void> {
    let length = 0;
    for (let i = 0; i < size; i++) length += (yield* this.byte()) * 256 ** i;
    return length;
  }

  *skip(size: number): Generator<void, void, void> {
    let left = size;
    while (left > 0) {
      const step = Math.min(left, this.#bytes.length - this.#at);
      this.#at += step;
      left -= step;
      if (left > 0) yield* this.#more();
    }
  }

  /** Up to a newline, which is not in it; of a long one the begin. */
  *line(): Generator<void, TextLine, void> {
    let text = "";
    let isWhole = true;
    while (true) {
      const end = this.#bytes.indexOf(NEWLINE, this.#at);
      const part = this.#bytes.subarray(this.#at, end < 0 ? this.#bytes.length : end);
      const room = LONGEST_LINE - text.length;
      isWhole &&= part.length <= room;
      text += String.fromCharCode(...part.subarray(0, room));
      this.#at += part.length;
      if (end >= 0) {
        this.#at++;
        return { text, isWhole };
      }
      yield* this.#more();
    }
  }

  /** As C reads it: a NUL ends a number. Of a long one the begin decides. */
  *number(pattern: RegExp): Generator<void, void, void> {
    const { text } = yield* this.line();
    const number = text.split("\0", 1)[0] ?? "";
    if (number !== "" && !pattern.test(number)) throw new NoPickle();
  }

  *place(): Generator<void, string, void> {
    const { text, isWhole } = yield* this.line();
    const number = (text.split("\0", 1)[0] ?? "").trim();
    if (!/^\+?[0-9_]+$/.test(number)) throw new NoPickle();
    // Thousands of digits have no other purpose.
    if (!isWhole) throw new LikelyPickle();
    return BigInt(number.replace(/[+_]/g, "") || "0").toString();
  }

  *quoted(): Generator<void, void, void> {
    const { text, isWhole } = yield* this.line();
    const pattern = isWhole ? /^(["']).*\1\s*$/s : /^["']/;
    if (!pattern.test(text)) throw new NoPickle();
  }
}
