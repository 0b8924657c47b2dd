/**
 * The frames that the program and its workers exchange: two lengths, a head of JSON, raw bytes.
 * docs/worker-protocol.md describes them.
 *
 * @pure
 */

import { counted } from "../platform/count_text.ts";

/** The two lengths. */
const PREFIX = 8;
/** The longest frame that is taken: a task that a worker puts into the spool may have a large body. */
const LONGEST_FRAME = 256 * 1024 * 1024;

export interface Frame {
  /** One JSON value, not yet checked. */
  readonly head: unknown;
  readonly tail: Uint8Array<ArrayBuffer>;
}

/** The other side does not speak the protocol; the message says how. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const NOTHING = new Uint8Array(0);

/** @param head anything JSON can say */
export function encodeFrame(head: unknown, tail: Uint8Array = NOTHING): Uint8Array<ArrayBuffer> {
  const json = encoder.encode(JSON.stringify(head));
  const frame = new Uint8Array(PREFIX + json.length + tail.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 4 + json.length + tail.length, true);
  view.setUint32(4, json.length, true);
  frame.set(json, PREFIX);
  frame.set(tail, PREFIX + json.length);
  return frame;
}

/** Puts frames together from whatever pieces they come in. */
export class FrameReader {
  #buffer = new Uint8Array(64 * 1024);
  #start = 0;
  #end = 0;

  /** Takes the bytes that have come; they may be reused afterwards. */
  push(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /**
   * The next whole frame, or null when its end has not come yet.
   *
   * @throws {ProtocolError} when it can be no frame
   */
  next(): Frame | null {
    const has = this.#end - this.#start;
    if (has < PREFIX) return null;
    const view = new DataView(this.#buffer.buffer, this.#start, PREFIX);
    const length = view.getUint32(0, true);
    const headLength = view.getUint32(4, true);
    if (length > LONGEST_FRAME || headLength > length - 4) {
      throw new ProtocolError(`a frame of ${counted(length, "byte")} with a head of ${headLength}`);
    }
    if (has < 4 + length) return null;
    const headStart = this.#start + PREFIX;
    const head = this.#buffer.subarray(headStart, headStart + headLength);
    const tail = this.#buffer.slice(headStart + headLength, this.#start + 4 + length);
    this.#start += 4 + length;
    return { head: parseHead(head), tail };
  }

  #makeRoom(count: number): void {
    if (this.#end + count <= this.#buffer.length) return;
    const has = this.#end - this.#start;
    const needed = has + count;
    const target = needed > this.#buffer.length / 2
      ? new Uint8Array(Math.max(2 * needed, this.#buffer.length))
      : this.#buffer;
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = target;
    this.#start = 0;
    this.#end = has;
  }
}

function parseHead(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new ProtocolError(
      `a head that is not JSON: ${error instanceof Error ? error.message : ""}`,
    );
  }
}
