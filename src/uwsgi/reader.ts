/**
 * Reads packets out of a stream that arrives in pieces of any size. Pure: bytes go in, packets come
 * out when they are whole.
 */

import { decodeHeader, type Header, HEADER_SIZE } from "./packet.ts";

export interface RawPacket {
  readonly header: Header;
  /** The bytes behind the header, not yet taken apart. */
  readonly vars: Uint8Array;
}

export class PacketReader {
  #buffer: Uint8Array = new Uint8Array(0);

  /** Bytes that have come and do not make a packet yet. */
  get pending(): number {
    return this.#buffer.length;
  }

  push(bytes: Uint8Array): void {
    if (this.#buffer.length === 0) {
      this.#buffer = bytes.slice();
      return;
    }
    const joined = new Uint8Array(this.#buffer.length + bytes.length);
    joined.set(this.#buffer);
    joined.set(bytes, this.#buffer.length);
    this.#buffer = joined;
  }

  /** The next whole packet, which is taken out; null while it is not all there. */
  next(): RawPacket | null {
    if (this.#buffer.length < HEADER_SIZE) return null;
    const header = decodeHeader(this.#buffer);
    const end = HEADER_SIZE + header.size;
    if (this.#buffer.length < end) return null;
    const vars = this.#buffer.slice(HEADER_SIZE, end);
    this.#buffer = this.#buffer.slice(end);
    return { header, vars };
  }
}
