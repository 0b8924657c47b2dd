/**
 * Lines of the history as bytes, one after the other. What a string would keep alive V8 copies twice and
 * then marks; bytes it never looks at.
 *
 * @pure
 */

/** Room for some 350 lines; a longer line has a block of its own. */
const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;
/** Bytes of a character of UTF-16 at most. */
const MOST_IN_UTF8 = 3;

const encoder = new TextEncoder();

export class LineBlock {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Where its last line starts. */
  lastStart = 0;
  /** Where its last line ends. */
  end = 0;
  /** How many hold some of its lines. */
  users = 0;

  /** @param bytes how long the first line may be */
  constructor(bytes = 0) {
    this.#bytes = new Uint8Array(Math.max(bytes, BLOCK_BYTES));
  }

  /** It is no larger than others, so that it is worth keeping. */
  get isOrdinary(): boolean {
    return this.#bytes.length === BLOCK_BYTES;
  }

  clear(): void {
    this.lastStart = this.end = 0;
  }

  /**
   * Adds a line of three parts.
   *
   * @param middle text that stands for itself in JSON and in ASCII, or nothing is added
   * @returns whether the line was added, which needs room, or `"other"` where the middle is another text
   */
  add(head: Uint8Array, middle: string, tail: Uint8Array): boolean | "other" {
    const bytes = this.#bytes;
    const start = this.end;
    const from = start + head.length;
    const end = from + middle.length + tail.length;
    if (end > bytes.length) return false;
    for (let at = 0; at < middle.length; at++) {
      const code = middle.charCodeAt(at);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return "other";
      bytes[from + at] = code;
    }
    for (let at = 0; at < head.length; at++) bytes[start + at] = head[at] as number;
    bytes.set(tail, from + middle.length);
    this.lastStart = start;
    this.end = end;
    return true;
  }

  /** Adds a line as it is, where it has room. */
  addText(line: string): boolean {
    if (this.end + mostBytes(line) > this.#bytes.length) return false;
    this.lastStart = this.end;
    this.end += encoder.encodeInto(line, this.#bytes.subarray(this.end)).written;
    return true;
  }

  of(start: number, end: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, end);
  }

  /** Where the line starts that stands so many lines behind one. */
  behind(start: number, lines: number): number {
    let at = start;
    for (let each = 0; each < lines; each++) at = this.#bytes.indexOf(NEWLINE, at) + 1;
    return at;
  }
}

/** What a line of so many characters takes at most. */
export const mostBytes = (line: string) => MOST_IN_UTF8 * line.length;
