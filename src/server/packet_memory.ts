/**
 * The memory of packets and bodies on their way, all connections together. Whoever finds none left
 * waits its turn; its peer is not read from meanwhile, and keeps the bytes itself. Buffers are used
 * again: what a flood has taken is not taken a second time.
 */

import { systemClock } from "../platform/clock.ts";
import { type Permit, Permits } from "../platform/permits.ts";
import { HEADER_SIZE, MAX_VARS_SIZE } from "../wire/packet.ts";
import { BODY_LENGTH_SIZE } from "../wire/reader.ts";

export interface Buffer extends Permit {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Holds the largest packet with the length of its body. */
export const LARGE_SIZE = HEADER_SIZE + MAX_VARS_SIZE + BODY_LENGTH_SIZE;

/** Packets at the same time that fit into a connection's own buffer: with all that belongs to one about 16 MiB. */
const MOST_SMALL = 4096;
/** Packets that do not fit, and pieces of bodies: 4 MiB. */
const MOST_LARGE = 64;
/**
 * Large buffers between two turns of the loop. A peer that sends without a pause has its next packet
 * here at once, and while those of a few hundred go round nobody else is accepted or read from.
 */
const LARGE_A_TURN = 4;

export interface PacketMemoryOptions {
  readonly small?: number;
  readonly large?: number;
  /** Calls back when everybody else has been served once. */
  readonly nextTurn?: (resume: () => void) => void;
}

export class PacketMemory {
  readonly small: Permits;
  readonly #large: Permits;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #nextTurn: (resume: () => void) => void;
  /** Handed out since the last turn that somebody waited for. */
  #inTurn = 0;
  /** Who has a permit and waits for the next turn; null while no turn is waited for. */
  #waiting: (() => void)[] | null = null;

  constructor({ small = MOST_SMALL, large = MOST_LARGE, nextTurn }: PacketMemoryOptions = {}) {
    this.small = new Permits(small);
    this.#large = new Permits(large);
    this.#nextTurn = nextTurn ?? ((resume) => void systemClock.after(0, resume));
  }

  /** Calls back with a buffer of {@link LARGE_SIZE}, when there is one. */
  large(granted: (buffer: Buffer) => void): void {
    this.#large.take((permit) => this.#inItsTurn(permit, granted));
  }

  #inItsTurn(permit: Permit, granted: (buffer: Buffer) => void): void {
    if (this.#inTurn < LARGE_A_TURN) granted(this.#buffer(permit));
    else this.#others().push(() => this.#inItsTurn(permit, granted));
  }

  /** The same without waiting; null when all are in use, or others have their turn first. */
  largeNow(): Buffer | null {
    if (this.#inTurn >= LARGE_A_TURN) {
      this.#others();
      return null;
    }
    const permit = this.#large.takeNow();
    return permit && this.#buffer(permit);
  }

  /** Lets the loop serve everybody else once; who is in the list goes on then. */
  #others(): (() => void)[] {
    if (this.#waiting !== null) return this.#waiting;
    const waiting: (() => void)[] = this.#waiting = [];
    this.#nextTurn(() => {
      this.#inTurn = 0;
      this.#waiting = null;
      for (const resume of waiting) resume();
    });
    return waiting;
  }

  #buffer(permit: Permit): Buffer {
    this.#inTurn++;
    const bytes = this.#free.pop() ?? new Uint8Array(LARGE_SIZE);
    let isHeld = true;
    return {
      bytes,
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#free.push(bytes);
        permit[Symbol.dispose]();
      },
    };
  }
}
