/**
 * Lines of the history as bytes, one after the other. What a string would keep alive V8 copies twice and
 * then marks; bytes it never looks at.
 *
 * @pure
 */

/** Room for some 350 lines. */
const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;

export class LineBlock {
  readonly #bytes = new Uint8Array(BLOCK_BYTES);
  /** Where its last line starts. */
  lastStart = 0;
  /** Where its last line ends. */
  end = 0;
  /** How many hold some of its lines. */
  users = 0;

  clear(): void {
    this.lastStart = this.end = 0;
  }

  hasRoom(bytes: number): boolean {
    return this.end + bytes <= BLOCK_BYTES;
  }

  /**
   * Adds a line of three parts, for which there is room.
   *
   * @param middle text that stands for itself in JSON and in ASCII, or nothing is added
   * @returns whether the line was added
   */
  add(head: Uint8Array, middle: string, tail: Uint8Array): boolean {
    const bytes = this.#bytes;
    const start = this.end;
    const from = start + head.length;
    for (let at = 0; at < middle.length; at++) {
      const code = middle.charCodeAt(at);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
      bytes[from + at] = code;
    }
    for (let at = 0; at < head.length; at++) bytes[start + at] = head[at] as number;
    bytes.set(tail, from + middle.length);
    this.lastStart = start;
    this.end = from + middle.length + tail.length;
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
