/** A connection of the event loop: bytes in, bytes out, whatever carries them; and its conversation. */

import { hangUp } from "../platform/tcp_socket.ts";
import { type Address, addressText } from "../wire/address.ts";
import type { Credential } from "../wire/pickle_rule.ts";
import type { Conversation } from "./conversation.ts";
import type { PeerIdentity, Transport } from "./transport.ts";

export interface PeerStream extends PeerIdentity {
  /** Fills a part of `into`; null at the end of what the peer sends. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Resolves when all bytes are on their way. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Shuts down the sending side. */
  closeWrite(): Promise<void>;
  /** Ends the connection; what waits for it then ends, too. Harmless when it is closed. */
  close(): void;
}

/** A plain TCP or unix connection of Deno's. */
export function plainStream(connection: Deno.Conn, credential: Credential): PeerStream {
  const { remoteAddr } = connection;
  const peer: Address | null = remoteAddr.transport === "tcp"
    ? { kind: "tcp", host: remoteAddr.hostname, port: remoteAddr.port }
    : null;
  let writing = 0;
  return {
    from: peer === null ? "unix socket" : addressText(peer),
    ip: peer === null ? null : peer.host,
    credential,
    sender: peer === null ? "unix" : peer.host,
    read: (into) => connection.read(into),
    async write(bytes) {
      writing++;
      try {
        for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      } finally {
        writing--;
      }
    },
    closeWrite: () => connection.closeWrite(),
    close: () => hangUp(connection, writing > 0),
  };
}

/** Moves the bytes of a stream between the event loop and a conversation. */
export class StreamTransport implements Transport {
  readonly peer: PeerIdentity;
  #isWanted = false;
  #isReading = false;
  #isClosed = false;

  constructor(
    private readonly stream: PeerStream,
    private readonly conversation: Conversation,
  ) {
    this.peer = stream;
  }

  read(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (isWanted && !this.#isReading) this.#readOn();
  }

  async #readOn(): Promise<void> {
    this.#isReading = true;
    // Nothing is announced before the caller has its answer.
    await null;
    while (this.#isWanted && !this.#isClosed) {
      try {
        const count = await this.stream.read(this.conversation.space());
        if (count === null) {
          this.#isWanted = false;
          this.conversation.ended();
        } else this.conversation.came(count);
      } catch (error) {
        this.#isWanted = false;
        this.conversation.broke(error);
      }
    }
    this.#isReading = false;
  }

  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    this.stream.write(bytes).then(
      () => this.conversation.sent(),
      (error) => this.conversation.broke(error),
    );
    return false;
  }

  closeWrite(): void {
    this.stream.closeWrite().catch((error) => this.conversation.broke(error));
  }

  close(): void {
    this.#isClosed = true;
    this.stream.close();
  }
}
