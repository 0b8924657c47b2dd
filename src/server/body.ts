/** The body behind a packet, read piece by piece while it arrives. */

import type { Deadline, Deadlines } from "./deadlines.ts";
import type { PacketReader } from "../wire/reader.ts";
import type { Buffer, PacketMemory } from "./packet_memory.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { PeerStream } from "./stream.ts";
import { reasonOf } from "../platform/reason.ts";

/** A body on its way here. */
export interface IncomingBody {
  /** As announced; exactly so many bytes come, or reading them throws. */
  readonly size: number;
  /** The bytes, once. A piece is good until the next is asked for. */
  pieces(): AsyncIterable<Uint8Array>;
}

export interface BodyOptions {
  readonly size: number;
  /** Has what came together with the packet. */
  readonly reader: PacketReader;
  readonly stream: PeerStream;
  readonly memory: PacketMemory;
  readonly deadlines: Deadlines;
  /** Expires when the peer is too slow. */
  readonly deadline: Deadline;
  readonly timeoutMs: number;
}

/** What a body is read into that comes slowly, or when there are too many. */
const SMALL_PIECE = 4 * 1024;
/** So much must come in each timeout, that a slow body does not hold its place for days. */
const SLOWEST_BYTES = 1024;

export class BodyReader implements IncomingBody {
  readonly size: number;
  readonly #options: BodyOptions;
  readonly #whole = Promise.withResolvers<void>();
  #left: number;

  constructor(options: BodyOptions) {
    this.#options = options;
    this.size = options.size;
    this.#left = options.size;
  }

  /** Resolves when all of it has come. */
  get whole(): Promise<void> {
    return this.#whole.promise;
  }

  /** Reads on to the end of the body, and throws it away. */
  async drain(): Promise<void> {
    for await (const _ of this.pieces()) { /* nobody needs it */ }
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    const { reader } = this.#options;
    const first = reader.takeBody(this.#left);
    this.#came(first.length);
    if (first.length > 0) yield first;
    if (this.#left === 0) return;
    const small = new Uint8Array(Math.min(SMALL_PIECE, this.#left));
    let large: Buffer | null = null;
    try {
      let sinceDeadline = SLOWEST_BYTES;
      while (this.#left > 0) {
        sinceDeadline = this.#watch(sinceDeadline);
        const buffer: Uint8Array<ArrayBuffer> = large?.bytes ?? small;
        const count = await this.#readInto(buffer.subarray(0, this.#left));
        sinceDeadline += count;
        this.#came(count);
        yield buffer.subarray(0, count);
        if (count === small.length) large ??= this.#options.memory.largeNow();
      }
    } finally {
      large?.[Symbol.dispose]();
    }
  }

  async #readInto(buffer: Uint8Array<ArrayBuffer>): Promise<number> {
    let reason = "the peer closed";
    try {
      const count = await this.#options.stream.read(buffer);
      if (count !== null) return count;
    } catch (error) {
      reason = `the connection broke (${reasonOf(error)})`;
    }
    const came = this.size - this.#left;
    const message = `${reason} after ${came} of ${this.size} bytes of a body`;
    throw new RefusalError("cut off", message, true);
  }

  /** Starts the time anew when enough has come; returns the bytes since its start. */
  #watch(sinceDeadline: number): number {
    const { deadlines, deadline, timeoutMs } = this.#options;
    if (sinceDeadline < SLOWEST_BYTES) return sinceDeadline;
    deadlines.set(deadline, timeoutMs);
    return 0;
  }

  #came(count: number): void {
    this.#left -= count;
    if (this.#left > 0) return;
    this.#options.deadline.at = Infinity;
    this.#whole.resolve();
  }
}
