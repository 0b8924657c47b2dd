/**
 * Packets of one connection that bring no task, in a row: questions and refusals, which cost the peer
 * nothing and this program some time.
 *
 * @pure
 */

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

  /** How long the peer has to wait before its next packet is read; 0 for most. */
  get pauseMs(): number {
    if (this.#count < MANY) return 0;
    const doublings = Math.min(Math.floor(this.#count / MANY) - 1, MOST_DOUBLINGS);
    return PAUSE_MS * 2 ** doublings;
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
}
