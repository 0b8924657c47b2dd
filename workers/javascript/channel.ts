/**
 * The worker's side of the socket. Sending waits until the master takes it, so that code that prints
 * without end is slowed down instead of filling the memory; what has come can be received between two
 * tasks without giving up the thread.
 */

import { encodeFrame, type Frame, FrameReader } from "../../src/worker/frame.ts";
import type { WorkerLibc } from "./libc.ts";

/** Code that closes descriptors closes the low ones. */
export const LOWEST_DESCRIPTOR = 64;
const READ_SIZE = 64 * 1024;

export class ProgramChannel {
  readonly #fd: number;
  readonly #reader = new FrameReader();
  readonly #buffer = new Uint8Array(READ_SIZE);
  #ended = false;

  /** @throws {Error} when the master cannot be reached */
  constructor(private readonly libc: WorkerLibc, path: string) {
    this.#fd = libc.connect(path, LOWEST_DESCRIPTOR);
  }

  /** The master is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  send(head: unknown, tail?: Uint8Array): void {
    if (!this.libc.sendAll(this.#fd, encodeFrame(head, tail))) this.#ended = true;
  }

  /** The next frame that has arrived; null when there is none. */
  receive(): Frame | null {
    while (true) {
      const frame = this.#reader.next();
      if (frame !== null) return frame;
      const count = this.libc.receive(this.#fd, this.#buffer);
      if (count === null) return null;
      if (count === 0) {
        this.#ended = true;
        return null;
      }
      this.#reader.push(this.#buffer.subarray(0, count));
    }
  }

  /** Resolves when {@link receive} has something to say, or perhaps has. */
  readable(): Promise<void> {
    return this.libc.readable(this.#fd);
  }
}
