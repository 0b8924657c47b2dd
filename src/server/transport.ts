/** What carries the bytes of a conversation, as the conversation sees it. Types only. @pure */

import type { Credential } from "../wire/pickle_rule.ts";

/** Who is at the other end of a connection, as far as the connection says. */
export interface PeerIdentity {
  /** For people. */
  readonly from: string;
  /** The peer's IP address; null for a unix socket. */
  readonly ip: string | null;
  readonly credential: Credential;
  /** Whose ids its ids are, without blanks: an address, or what is better known of the peer. */
  readonly sender: string;
}

/** Nothing of it throws, and nothing is called after `close`. */
export interface Transport {
  readonly peer: PeerIdentity;
  /**
   * From now on what the peer sends is read, or is not. Each piece is put where the conversation says
   * (`space`), and announced (`came`, `ended`, `broke`), never before this has returned.
   */
  read(isWanted: boolean): void;
  /**
   * Sends an answer. The bytes may be used again when this returns true, or else when `sent` is called;
   * an answer that cannot be sent is `broke`. Called for one answer after the other.
   *
   * @returns whether all of it is on its way
   */
  send(bytes: Uint8Array<ArrayBuffer>): boolean;
  /** Shuts down the sending side. */
  closeWrite(): void;
  close(): void;
}
