/**
 * The lists in a file of `.spooler/running/`: names of tasks that run, each with a NUL behind it, and one
 * more NUL behind the last. A list begins at a multiple of 1 KiB and may be longer; what begins with a
 * NUL is free.
 *
 * @pure
 */

import { nameFromBytes, nameToBytes } from "../platform/name.ts";

/** At least two names of 255 bytes, a slash, and the NULs. */
export const RECORD_SIZE = 1024;
/** Of each character of a string, in UTF-8. */
const MOST_BYTES = 3;
const NUL = 0;

/** Lists as bytes, made in one buffer that is used again and again. */
export class ListWriter {
  #buffer = new Uint8Array(RECORD_SIZE);

  /** The bytes are good until the next call. */
  list(names: readonly string[]): Uint8Array<ArrayBuffer> {
    const text = `${names.join("\0")}\0\0`;
    const buffer = this.#room(MOST_BYTES * text.length);
    return buffer.subarray(0, nameToBytes(text, buffer));
  }

  /** What a list of so many bytes is overwritten with; good until the next call. */
  blank(length: number): Uint8Array<ArrayBuffer> {
    return this.#room(length).fill(NUL, 0, length).subarray(0, length);
  }

  #room(length: number): Uint8Array<ArrayBuffer> {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(2 * length);
    return this.#buffer;
  }
}

/** Puts the names together from a file's records, in their order. */
export class ListReader {
  readonly names: string[] = [];
  /** Of a name that goes on in the next record. */
  #begun: number[] = [];

  /** @param record {@link RECORD_SIZE} bytes, or what is left of the file */
  push(record: Uint8Array): void {
    for (const byte of record) {
      if (byte !== NUL) {
        this.#begun.push(byte);
        continue;
      }
      // Behind the end of a list is what was there before.
      if (this.#begun.length === 0) return;
      this.names.push(nameFromBytes(Uint8Array.from(this.#begun)));
      this.#begun = [];
    }
  }
}
