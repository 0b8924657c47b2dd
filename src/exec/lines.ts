/**
 * From a stream of bytes to lines that are safe to log: long ones are cut, control characters are
 * made visible, bytes that are no UTF-8 become U+FFFD.
 *
 * @pure
 */

import { safeLine } from "../report/safe_text.ts";

/** Characters of a line that are kept; the rest of the line is dropped. */
export const LONGEST_LINE = 4096;

export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #line = "";
  #cut = false;

  constructor(private readonly emit: (line: string) => void) {}

  push(bytes: Uint8Array): void {
    const parts = this.#decoder.decode(bytes, { stream: true }).split("\n");
    parts.forEach((part, i) => {
      if (i > 0) this.#end();
      this.#add(part);
    });
  }

  /** The stream is over: what is left is the last line. */
  close(): void {
    this.#add(this.#decoder.decode());
    if (this.#line !== "") this.#end();
  }

  #add(text: string): void {
    const room = LONGEST_LINE - this.#line.length;
    this.#line += text.slice(0, room);
    if (text.length > room) this.#cut = true;
  }

  #end(): void {
    this.emit(harmless(this.#line) + (this.#cut ? " …" : ""));
    this.#line = "";
    this.#cut = false;
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
