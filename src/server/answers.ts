/**
 * The answers of one connection: each is known when its task is on disk, and all go out in the order
 * of their packets. Answers that are known at the same time share one write.
 *
 * @pure
 */

import { joined } from "../platform/bytes.ts";

/** The answer to one packet. */
export interface AnswerSlot {
  /** Null until it is known. */
  bytes: Uint8Array<ArrayBuffer> | null;
}

export class AnswerQueue {
  #slots: AnswerSlot[] = [];

  /** Answers that have not been taken. */
  get open(): number {
    return this.#slots.length;
  }

  /** The answer to the next packet, to be filled in. */
  add(bytes: Uint8Array<ArrayBuffer> | null = null): AnswerSlot {
    const slot: AnswerSlot = { bytes };
    this.#slots.push(slot);
    return slot;
  }

  /** Those that are known and next in order, in one; null when there are none. */
  take(): { readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number } | null {
    const known: Uint8Array<ArrayBuffer>[] = [];
    for (const { bytes } of this.#slots) {
      if (bytes === null) break;
      known.push(bytes);
    }
    const count = known.length;
    if (count === 0) return null;
    this.#slots = count === this.#slots.length ? [] : this.#slots.slice(count);
    return { bytes: joined(known), count };
  }
}
