/**
 * Packets of one connection that bring no task, in a row: questions and refusals, which cost the peer
 * nothing and this program some time.
 */

import type { Clock } from "../platform/clock.ts";

/**
 * After so many each costs the peer some time, and twice as much after as many more, up to 160 ms; in
 * the end it has to connect again.
 */
const MANY = 16;
const PAUSE_MS = 10;
const MOST_DOUBLINGS = 4;
const TOO_MANY = 256;

export class FruitlessPackets {
  #count = 0;

  constructor(private readonly clock: Clock) {}

  /** The peer has to wait before its next packet is read. */
  get isMany(): boolean {
    return this.#count >= MANY;
  }

  /** The connection is closed. */
  get isTooMany(): boolean {
    return this.#count >= TOO_MANY;
  }

  add(): void {
    this.#count++;
  }

  /** A task was accepted. */
  reset(): void {
    this.#count = 0;
  }

  /** Lets others go first. */
  async pause(): Promise<void> {
    const doublings = Math.min(Math.floor(this.#count / MANY) - 1, MOST_DOUBLINGS);
    const delayMs = PAUSE_MS * 2 ** doublings;
    await new Promise<void>((resolve) => this.clock.after(delayMs, resolve));
  }
}
