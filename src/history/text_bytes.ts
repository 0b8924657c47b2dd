/** Texts as bytes, one after the other in the same memory: what is written at once leaves no garbage. @pure */

const SIZE = 128 * 1024;
/** Bytes of a character of UTF-16 at most. */
const MOST_IN_UTF8 = 3;

export class TextBytes {
  readonly #encoder = new TextEncoder();
  #room: Uint8Array<ArrayBuffer> | null = null;

  /** Good until the next is asked for. */
  of(text: string): Uint8Array<ArrayBuffer> {
    // Never shared memory, though older types leave that open.
    if (MOST_IN_UTF8 * text.length > SIZE) {
      return this.#encoder.encode(text) as Uint8Array<ArrayBuffer>;
    }
    this.#room ??= new Uint8Array(SIZE);
    return this.#room.subarray(0, this.#encoder.encodeInto(text, this.#room).written);
  }
}
