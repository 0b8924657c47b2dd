/**
 * The body behind a packet, handed on piece by piece while it arrives: nothing more is read of it than
 * its reader asks for.
 */

import type { RefusalError } from "../wire/refusal.ts";
import type { Buffer, PacketMemory } from "./packet_memory.ts";

/** A body on its way here. */
export interface IncomingBody {
  /** As announced; exactly so many bytes come, or reading them throws. */
  readonly size: number;
  /** The bytes, once. A piece is good until the next is asked for. */
  pieces(): AsyncIterable<Uint8Array>;
}

export interface BodyInputOptions {
  readonly size: number;
  /** What came together with the packet; a copy. */
  readonly first: Uint8Array;
  readonly memory: PacketMemory;
  /** Called when it can take more bytes, or needs none. */
  readonly changed: () => void;
}

/** What a body is read into that comes slowly, or when there are too many. */
const SMALL_PIECE = 4 * 1024;

export class BodyInput implements IncomingBody {
  readonly size: number;
  readonly #options: BodyInputOptions;
  #left: number;
  readonly #small: Uint8Array<ArrayBuffer>;
  #large: Buffer | null = null;
  /** What a piece is read into; may be read while the next one is chosen. */
  #buffer: Uint8Array<ArrayBuffer>;
  /** The reader waits for a piece. */
  #waiting: PromiseWithResolvers<Uint8Array> | null = null;
  #failure: RefusalError | null = null;
  /** Nobody needs it: it is thrown away as it comes. */
  #isDiscarded = false;

  constructor(options: BodyInputOptions) {
    this.#options = options;
    this.size = options.size;
    this.#left = options.size - options.first.length;
    this.#small = new Uint8Array(Math.min(SMALL_PIECE, this.#left));
    this.#buffer = this.#small;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.size - this.#left;
  }

  get isWhole(): boolean {
    return this.#left === 0;
  }

  /** Whether bytes can be taken now. */
  get isWanted(): boolean {
    return this.#left > 0 && (this.#isDiscarded || this.#waiting !== null);
  }

  /** Where the next bytes are to be put, to be followed by {@link came}. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#left);
  }

  came(count: number): void {
    const piece = this.#buffer.subarray(0, count);
    this.#left -= count;
    if (count === this.#small.length && this.#left > 0 && !this.#isDiscarded) {
      this.#large ??= this.#options.memory.largeNow();
      if (this.#large !== null) this.#buffer = this.#large.bytes;
    }
    this.#waiting?.resolve(piece);
    this.#waiting = null;
  }

  /** Nothing more comes of it. */
  fail(error: RefusalError): void {
    this.#failure = error;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /** What is still to come is thrown away. */
  discard(): void {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#large?.[Symbol.dispose]();
    this.#large = null;
    this.#buffer = this.#small;
    this.#options.changed();
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    try {
      const { first } = this.#options;
      if (first.length > 0) yield first;
      while (this.#left > 0) yield await this.#next();
    } finally {
      this.discard();
    }
  }

  #next(): Promise<Uint8Array> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const waiting = this.#waiting = Promise.withResolvers<Uint8Array>();
    // It may come, or fail, while this is called.
    this.#options.changed();
    return waiting.promise;
  }
}
