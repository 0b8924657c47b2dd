/** A connection as the conversation on it sees it: bytes in, bytes out, whatever carries them. */

import { type Address, addressText } from "../wire/address.ts";
import type { Credential } from "../wire/pickle_rule.ts";

export interface PeerStream {
  /** Who is at the other end, for people. */
  readonly from: string;
  /** The peer's IP address; null for a unix socket. */
  readonly ip: string | null;
  readonly credential: Credential;
  /** Whose ids its ids are, without blanks: an address, or what is better known of the peer. */
  readonly sender: string;
  /** Fills a part of `into`; null at the end of what the peer sends. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Resolves when all bytes are on their way. */
  write(bytes: Uint8Array): Promise<void>;
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
  return {
    from: peer === null ? "unix socket" : addressText(peer),
    ip: peer === null ? null : peer.host,
    credential,
    sender: peer === null ? "unix" : peer.host,
    read: (into) => connection.read(into),
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    closeWrite: () => connection.closeWrite(),
    close() {
      try {
        connection.close();
      } catch {
        // It is closed already.
      }
    },
  };
}

/** Behind a refusal that ends a connection, so much is still read, that the peer sees the answer. */
const LINGER_BYTES = 1024 * 1024;

/** Reads what the peer still sends, up to a limit, and keeps nothing of it. */
export async function discardRest(stream: PeerStream): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let left = LINGER_BYTES; left > 0;) {
    const count = await stream.read(buffer);
    if (count === null) return;
    left -= count;
  }
}
