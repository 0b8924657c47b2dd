/** A socket that the event loop serves. */

import { type AdmissionOptions, isAllowed, letIn } from "./admission.ts";
import type { Listening, Serving } from "./listening.ts";
import { type PeerStream, StreamTransport } from "./stream.ts";
import type { Troubled } from "./trouble.ts";

export interface ListenerOptions extends AdmissionOptions {
  readonly listening: Listening;
  readonly troubled: Troubled;
}

export class Listener {
  #options: ListenerOptions;
  readonly #serving: Serving;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { listening, clock } = options;
    this.#serving = listening.serve({
      admit: (stream) => this.#letIn(stream),
      troubled: (reason) => this.#options.troubled(reason),
      clock,
    });
  }

  /** Where it listens, with the port the system chose when the ini said 0. */
  get address(): string {
    return this.#options.listening.address;
  }

  get listening(): Listening {
    return this.#options.listening;
  }

  /** From now on it serves by these options, open connections too. Its socket stays the one it has. */
  use(options: ListenerOptions): void {
    this.#options = options;
    const { connections, allow } = options;
    connections.close(({ via, ip }) => via === this && !isAllowed(ip, allow));
  }

  /** Takes no more connections; those that are open end when they have their answers. */
  async close(): Promise<void> {
    await this.#serving.close();
    this.#options.connections.close(({ via }) => via === this);
  }

  #letIn(stream: PeerStream): void {
    const accepted = {
      peer: stream,
      makeTransport: (conversation: ConstructorParameters<typeof StreamTransport>[1]) =>
        new StreamTransport(stream, conversation),
      turnAway: (answer: Uint8Array<ArrayBuffer>) => {
        stream.write(answer).catch(() => {}).finally(() => stream.close());
      },
    };
    letIn(accepted, {
      ...this.#options,
      rules: () => this.#options.rules(),
      refused: (from, refusal) => this.#options.refused(from, refusal),
    }, this);
  }
}
