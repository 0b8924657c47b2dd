/**
 * Reads packets out of a stream that arrives in pieces of any size. Bytes go in, packets come
 * out when they are whole. A body is not a part of its packet; it is taken out piece by piece.
 *
 * @pure
 */

import {
  type Header,
  HEADER_SIZE,
  KEEP_OPEN,
  MAX_VARS_SIZE,
  MODIFIER_SPOOL,
  WITH_BODY,
} from "./packet.ts";
import { copyOf } from "./packet_copies.ts";
import { RefusalError } from "./refusal.ts";
import { counted } from "../platform/count_text.ts";

export interface RawPacket {
  readonly header: Header;
  /** The bytes behind the header, not yet taken apart; good until {@link PacketReader.free}. */
  readonly vars: Uint8Array;
  /** Header and vars as the file of a task has them, with nothing of our extensions; null for all else. */
  readonly file: Uint8Array<ArrayBuffer> | null;
  /** Bytes that follow the packet and are to be taken before the next; null is no body at all. */
  readonly bodySize: number | null;
}

/** In a header. */
const MODIFIER2_AT = 3;
/** Bytes of the length in front of a body. */
export const BODY_LENGTH_SIZE = 8;
/** The buffer of a reader; what does not fit gets a larger one. Idle connections are many. */
export const OWN_BUFFER = 2 * 1024;
/** Buffers of readers that were closed, for the next: short connections are many, too. */
const MOST_FREE = 256;
const free: Uint8Array<ArrayBuffer>[] = [];
const NO_BUFFER = new Uint8Array(0);

export class PacketReader {
  #own: Uint8Array<ArrayBuffer> = free.pop() ?? new Uint8Array(OWN_BUFFER);
  #buffer = this.#own;
  /** The vars of a packet lie in its own buffer: nothing is put there any more. */
  #isLent = false;
  /** What has come and was not taken lies between these two. */
  #start = 0;
  #end = 0;
  readonly #maxVarsSize: number;

  /** @param maxVarsSize a larger packet is an error as soon as its header has come */
  constructor(maxVarsSize = MAX_VARS_SIZE) {
    this.#maxVarsSize = maxVarsSize;
  }

  /** Bytes that have come and do not make a packet yet. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /** The size of the packet that has begun to come and does not fit into the buffer; 0 when it does. */
  get wanted(): number {
    if (this.pending < HEADER_SIZE) return 0;
    const whole = this.#wholeSize();
    return whole > this.#buffer.length ? whole : 0;
  }

  /** Bytes of the packet that has begun, with the length of its body; its header is there. */
  #wholeSize(): number {
    const at = this.#start;
    const size = this.#byteAt(at + 1) | (this.#byteAt(at + 2) << 8);
    const hasBody = this.#byteAt(at) === MODIFIER_SPOOL && (this.#byteAt(at + 3) & WITH_BODY) !== 0;
    return HEADER_SIZE + size + (hasBody ? BODY_LENGTH_SIZE : 0);
  }

  #byteAt(index: number): number {
    return this.#buffer[index] as number;
  }

  /**
   * Gives the packet that has begun a buffer of its own: nothing that comes behind it is put there,
   * and its vars stay in it.
   *
   * @param buffer has room for {@link wanted} bytes
   */
  grow(buffer: Uint8Array<ArrayBuffer>): void {
    const { wanted } = this;
    buffer.set(this.#pendingBytes());
    this.#end = this.pending;
    this.#start = 0;
    this.#buffer = buffer.subarray(0, wanted);
  }

  /**
   * Where to put the bytes that come next, to be followed by {@link filled}; empty only where whole packets
   * fill the buffer and were not taken.
   */
  space(): Uint8Array<ArrayBuffer> {
    if (this.wanted > 0) this.grow(new Uint8Array(this.wanted));
    if (this.#isLent) this.#leaveLent();
    if (this.pending === 0) this.#start = this.#end = 0;
    if (this.#end === this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Of the last {@link space}, so many bytes were filled. */
  filled(count: number): void {
    this.#end += count;
  }

  /** @throws {Error} when whole packets, which nobody has taken by {@link next}, leave no room */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const space = this.space();
      if (space.length === 0) throw new Error("no room: whole packets wait to be taken");
      const part = bytes.subarray(at, at + space.length);
      space.set(part);
      this.filled(part.length);
      at += part.length;
    }
  }

  /**
   * The next whole packet, which is taken out; null while it is not all there.
   *
   * @throws {RefusalError} when it says that it is larger than may be
   */
  next(maxVarsSize = this.#maxVarsSize): RawPacket | null {
    if (this.pending < HEADER_SIZE) return null;
    const at = this.#start;
    const header = {
      modifier1: this.#byteAt(at),
      size: this.#byteAt(at + 1) | (this.#byteAt(at + 2) << 8),
      modifier2: this.#byteAt(at + 3),
    };
    const whole = this.#wholeSize();
    const end = HEADER_SIZE + header.size;
    if (header.size > maxVarsSize) {
      throw new RefusalError(
        "too large",
        `the packet has ${counted(header.size, "byte")}; buffer-size is ${maxVarsSize}`,
      );
    }
    if (this.pending < whole) return null;
    const buffer = this.#buffer;
    const bodySize = whole > end ? decodeBodySize(buffer, at + end) : null;
    this.#start += whole;
    const isOwn = buffer === this.#own;
    // Behind a packet that keeps the connection open comes the next, into the same buffer.
    const isCopied = isOwn && (header.modifier2 & KEEP_OPEN) !== 0;
    const bytes = !isCopied
      ? buffer.subarray(at, at + end)
      // While a body comes, which may take long, they are held.
      : bodySize === null
      ? copyOf(buffer, at, at + end)
      : buffer.slice(at, at + end);
    if (!isOwn) this.#useOwn();
    else if (!isCopied) this.#isLent = true;
    const isWhole = bodySize === null && header.modifier1 === MODIFIER_SPOOL;
    const file = isWhole ? asFile(bytes) : null;
    return { header, vars: bytes.subarray(HEADER_SIZE), file, bodySize };
  }

  /** What comes all the same behind a last packet needs another buffer. */
  #leaveLent(): void {
    const pending = this.#pendingBytes();
    const isOwn = this.#buffer === this.#own;
    this.#own = new Uint8Array(OWN_BUFFER);
    this.#isLent = false;
    if (!isOwn) return;
    this.#own.set(pending);
    this.#useOwn();
    this.#end = pending.length;
  }

  /** Takes bytes of a body that have come already, `most` of them, as a copy; empty when none has come. */
  takeBody(most: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(this.#start + most, this.#end);
    const bytes = this.#buffer.slice(this.#start, end);
    this.#start = end;
    return bytes;
  }

  /** Lets go of its buffer: nothing more is read, and nobody uses the vars of its packets. */
  free(): void {
    if (free.length < MOST_FREE && this.#own.length > 0) free.push(this.#own);
    this.#own = this.#buffer = NO_BUFFER;
    this.#isLent = false;
    this.#start = this.#end = 0;
  }

  /** A larger buffer ends with its packet. */
  #useOwn(): void {
    this.#buffer = this.#own;
    this.#start = this.#end = 0;
  }

  #pendingBytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }
}

/** The packet without what its header says of the connection; nobody reads it there any more. */
function asFile(packet: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  packet[MODIFIER2_AT] = 0;
  return packet;
}

/** u64 LE. */
function decodeBodySize(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, BODY_LENGTH_SIZE);
  const size = Number(view.getBigUint64(0, true));
  if (!Number.isSafeInteger(size)) throw new RefusalError("too large", `a body of ${size} bytes`);
  return size;
}

/** The u64 LE length that stands between a packet and its body. */
export function encodeBodySize(size: number): Uint8Array {
  const bytes = new Uint8Array(BODY_LENGTH_SIZE);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(size), true);
  return bytes;
}
