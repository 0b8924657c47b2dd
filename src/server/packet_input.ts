/**
 * The packets that come on a connection, one after the other, each within its time and with the
 * memory that it takes until it is answered.
 */

import type { PacketReader, RawPacket } from "../wire/reader.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { PacketMemory, Permit } from "./packet_memory.ts";
import type { PeerStream } from "./stream.ts";

export interface PacketInputOptions {
  readonly stream: PeerStream;
  readonly reader: PacketReader;
  readonly memory: PacketMemory;
  readonly deadlines: Deadlines;
  /** A packet that has begun must be whole in this time. */
  readonly timeoutMs: number;
  /** Called when nothing has come for too long, or not all of a packet. */
  readonly expired: () => void;
}

export interface IncomingPacket {
  readonly packet: RawPacket;
  /** To be given back when the packet is answered. */
  readonly memory: Permit;
}

export class PacketInput {
  readonly #options: PacketInputOptions;
  readonly #deadline: Deadline;
  /** The larger buffer of the packet that has begun. */
  #room: Permit | null = null;
  #isClosed = false;

  constructor(options: PacketInputOptions) {
    this.#options = options;
    this.#deadline = options.deadlines.add(options.expired);
  }

  /** Gives the next packet so long to begin. */
  wait(delayMs: number): void {
    this.#options.deadlines.set(this.#deadline, delayMs);
  }

  /**
   * @param idleMs so long may nothing come
   * @returns null when the peer closes between packets
   * @throws {RefusalError} when a packet is too large, or cut off
   */
  async next(idleMs: number): Promise<IncomingPacket | null> {
    const { reader, timeoutMs } = this.#options;
    let hasBegun = false;
    this.wait(idleMs);
    while (true) {
      const packet = reader.next();
      if (packet) {
        this.#deadline.at = Infinity;
        return { packet, memory: await this.#takeMemory() };
      }
      if (!hasBegun && reader.pending > 0) {
        hasBegun = true;
        this.wait(timeoutMs);
      }
      if (reader.wanted > 0) await this.#grow();
      if (!(await this.#read())) return null;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#options.deadlines.delete(this.#deadline);
    this.#room?.[Symbol.dispose]();
    this.#room = null;
  }

  /** It waits for others' packets, which is not its peer's fault: the time begins anew. */
  async #grow(): Promise<void> {
    const { reader, memory, timeoutMs } = this.#options;
    let buffer = memory.largeNow();
    if (buffer === null) {
      this.#deadline.at = Infinity;
      buffer = await memory.large();
      this.wait(timeoutMs);
    }
    if (this.#isClosed) buffer[Symbol.dispose]();
    else this.#room = buffer;
    reader.grow(buffer.bytes);
  }

  async #takeMemory(): Promise<Permit> {
    const room = this.#room;
    this.#room = null;
    return room ?? this.#options.memory.small.takeNow() ?? await this.#options.memory.small.take();
  }

  /** @returns false when the peer closes between packets */
  async #read(): Promise<boolean> {
    const { stream, reader } = this.#options;
    const count = await stream.read(reader.space());
    if (count !== null) reader.filled(count);
    else if (reader.pending === 0) return false;
    else {
      const message = `the peer closed the connection after ${reader.pending} bytes of a packet`;
      throw new RefusalError("cut off", message);
    }
    return true;
  }
}
