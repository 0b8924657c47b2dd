/** A socket that the event loop serves. */

import { type AdmissionOptions, isAllowed, letIn } from "./admission.ts";
import type { Address } from "../wire/address.ts";
import type { RefusalError } from "../wire/refusal.ts";
import type { Conversation } from "./conversation.ts";
import { type Listening, listenOn, type Serving, type SocketOptions } from "./listening.ts";
import { type PeerStream, StreamTransport } from "./stream.ts";
import type { Troubled } from "./trouble.ts";

export interface ListenerOptions extends AdmissionOptions {
  readonly listening: Listening;
  readonly troubled: Troubled;
  /** Called once, when its file was removed: nobody can connect any more. */
  readonly gone: () => void;
}

export class Listener {
  #options: ListenerOptions;
  /** Null while its socket was removed. */
  #serving: Serving | null;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#serving = this.#serve();
  }

  #serve(): Serving {
    const { listening, clock } = this.#options;
    return listening.serve({
      admit: (stream) => this.#letIn(stream),
      troubled: (reason) => this.#options.troubled(reason),
      gone: () => this.#options.gone(),
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
  use(options: Omit<ListenerOptions, "gone">): void {
    this.#options = { ...options, gone: this.#options.gone };
    const { connections, allow } = options;
    connections.close(({ via, ip }) => via === this && !isAllowed(ip, allow));
  }

  /**
   * Listens by another socket, because the file of this one was removed; who is in stays.
   *
   * @throws {Error} when it cannot be listened on
   */
  async reopen(address: Address, options: SocketOptions): Promise<void> {
    // First: Deno removes a file of that name when it closes a socket.
    await this.#leave();
    const listening = await listenOn(address, options);
    this.#options = { ...this.#options, listening };
    this.#serving = this.#serve();
    if (this.#isClosed) await this.#leave();
  }

  async #leave(): Promise<void> {
    const serving = this.#serving;
    this.#serving = null;
    await serving?.close();
  }

  /** Takes no more connections; those that are open end when they have their answers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#leave();
    this.#options.connections.close(({ via }) => via === this);
  }

  #letIn(stream: PeerStream): void {
    const accepted = {
      peer: stream,
      makeTransport: (conversation: Conversation) => new StreamTransport(stream, conversation),
      turnAway: (answer: Uint8Array<ArrayBuffer>) => {
        stream.write(answer).catch(() => {}).finally(() => stream.close());
      },
    };
    const { connections } = this.#options;
    const options = {
      ...this.#options,
      rules: () => this.#options.rules(),
      refused: (from: string, refusal: RefusalError) => this.#options.refused(from, refusal),
    };
    letIn(accepted, options, {
      hasRoom: () => connections.hasRoom(),
      serve: (guest, via) => void connections.serve(options, guest, via),
    }, this);
  }
}
