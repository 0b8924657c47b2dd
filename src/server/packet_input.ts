/**
 * The packets that come on a connection, one after the other, each within its time and with the
 * memory that it takes until it is answered.
 */

import { PacketReader, type RawPacket } from "../wire/reader.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Permit } from "../platform/permits.ts";
import type { Buffer, PacketMemory } from "./packet_memory.ts";
import type { ConnectionLimits } from "./settings.ts";

export interface PacketInputOptions {
  readonly memory: PacketMemory;
  readonly deadlines: Deadlines;
  /** A packet that has begun must be whole in `timeoutMs`. */
  readonly limits: () => ConnectionLimits;
  /** Called when nothing has come for too long, or not all of a packet. */
  readonly expired: () => void;
  /** Called when there is room for what waited for it: {@link PacketInput.next} is to be asked again. */
  readonly changed: () => void;
}

export interface IncomingPacket {
  readonly packet: RawPacket;
  /** To be given back when the packet is answered. */
  readonly memory: Permit;
}

export class PacketInput {
  readonly #options: PacketInputOptions;
  readonly #reader: PacketReader;
  readonly #deadline: Deadline;
  /** The larger buffer of the packet that has begun. */
  #room: Buffer | null = null;
  #waitsForRoom = false;
  /** Whole, and waits for its memory. */
  #packet: RawPacket | null = null;
  #permit: Permit | null = null;
  /** What of the next packet has a deadline. */
  #stage: "nothing" | "idle" | "begun" = "nothing";
  #isClosed = false;

  constructor(options: PacketInputOptions) {
    this.#options = options;
    this.#reader = new PacketReader();
    this.#deadline = options.deadlines.add(options.expired);
  }

  /** Bytes that have come and do not make a packet yet. */
  get pending(): number {
    return this.#reader.pending;
  }

  /** Gives the next packet so long to begin. */
  wait(delayMs: number): void {
    this.#options.deadlines.set(this.#deadline, delayMs);
  }

  space(): Uint8Array<ArrayBuffer> {
    return this.#reader.space();
  }

  came(count: number): void {
    this.#reader.filled(count);
  }

  takeBody(most: number): Uint8Array<ArrayBuffer> {
    return this.#reader.takeBody(most);
  }

  /**
   * @param idleMs so long may nothing come
   * @returns what is missing when there is no packet: bytes, or room for them
   * @throws {RefusalError} when a packet is too large
   */
  next(idleMs: number): IncomingPacket | "bytes" | "room" {
    if (this.#packet !== null) return this.#permitted();
    const { timeoutMs, maxVarsSize } = this.#options.limits();
    const packet = this.#reader.next(maxVarsSize);
    if (packet !== null) return this.#took(packet);
    if (this.#stage === "nothing") {
      this.#stage = "idle";
      this.wait(idleMs);
    }
    if (this.#stage === "idle" && this.pending > 0) {
      this.#stage = "begun";
      this.wait(timeoutMs);
    }
    if (this.#reader.wanted > 0) this.#grow();
    return this.#waitsForRoom ? "room" : "bytes";
  }

  /** Nothing has a deadline any more. */
  rest(): void {
    this.#deadline.at = Infinity;
  }

  close(): void {
    this.#isClosed = true;
    this.#options.deadlines.delete(this.#deadline);
    this.#room?.[Symbol.dispose]();
    this.#permit?.[Symbol.dispose]();
    this.#room = this.#permit = null;
  }

  /** It is closed, and nobody uses its packets any more. */
  free(): void {
    this.#reader.free();
  }

  #took(packet: RawPacket): IncomingPacket | "room" {
    this.#stage = "nothing";
    this.rest();
    const { small } = this.#options.memory;
    const memory = this.#room ?? small.takeNow();
    this.#room = null;
    if (memory !== null) return { packet, memory };
    this.#packet = packet;
    small.take((permit) => {
      if (this.#isClosed) return permit[Symbol.dispose]();
      this.#permit = permit;
      this.#options.changed();
    });
    return "room";
  }

  #permitted(): IncomingPacket | "room" {
    const [packet, memory] = [this.#packet, this.#permit];
    if (packet === null || memory === null) return "room";
    this.#packet = this.#permit = null;
    return { packet, memory };
  }

  /** It waits for others' packets, which is not its peer's fault: the time begins anew. */
  #grow(): void {
    const { memory, limits, changed } = this.#options;
    if (this.#waitsForRoom) return;
    const buffer = memory.largeNow();
    if (buffer !== null) return this.#use(buffer);
    this.rest();
    this.#waitsForRoom = true;
    memory.large((granted) => {
      if (this.#isClosed) return granted[Symbol.dispose]();
      this.#waitsForRoom = false;
      this.#use(granted);
      this.wait(limits().timeoutMs);
      changed();
    });
  }

  #use(buffer: Buffer): void {
    this.#room = buffer;
    this.#reader.grow(buffer.bytes);
  }
}
