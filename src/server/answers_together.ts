/**
 * While many tasks are accepted together, the answers to those of one connection that follow one another
 * go out in one send: each send costs a call of the system, and wakes the peer.
 *
 * @pure
 */

export class AnswersTogether {
  #isGathering = false;
  /** Sends the answers of the connection whose tasks were accepted last. */
  #send: (() => void) | null = null;

  /** @param send sends what is known of a connection; the same function for all of its answers */
  known(send: () => void): void {
    if (!this.#isGathering) return send();
    if (this.#send === send) return;
    this.#sendLast();
    this.#send = send;
  }

  /** Answers that become known in `accept` are sent when this returns. */
  gather<T>(accept: () => T): T {
    this.#isGathering = true;
    try {
      return accept();
    } finally {
      this.#isGathering = false;
      this.#sendLast();
    }
  }

  #sendLast(): void {
    const send = this.#send;
    this.#send = null;
    send?.();
  }
}
