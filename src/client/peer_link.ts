/** One connection to a peer: it is greeted, tasks go out, and their answers come in the same order. */

import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Address, addressText } from "../wire/address.ts";
import { AnswerReader } from "../wire/answer_reader.ts";
import { encodePacket, KEEP_OPEN, MODIFIER_PING, PacketError } from "../wire/packet.ts";
import { type Peer, peerOf } from "../wire/peer.ts";
import type { RawPacket } from "../wire/reader.ts";
import { pingVars, signedOf } from "../wire/signed_answer.ts";

export interface PeerTls {
  /** PEM: trusted besides what the machine trusts. */
  readonly ca?: string;
  /** PEM: what this side shows for itself. */
  readonly cert?: string;
  readonly key?: string;
}

export interface PeerLinkOptions {
  readonly address: Address;
  /** Null is a connection in the clear. */
  readonly tls: PeerTls | null;
  readonly secret: string | null;
  /** Without a byte from the peer for so long, while it has something to answer, it counts as dead. */
  readonly silenceMs: number;
  opened(peer: SpoolerPeer): void;
  answered(packet: RawPacket): void;
  /** There is room for more bytes. */
  drained(): void;
  /** Called once. A peer that will never do is `isFinal`. */
  ended(reason: string, isFinal: boolean): void;
}

export type SpoolerPeer = Extract<Peer, { kind: "spooler" }>;

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  #isGreeted = false;
  #isEnded = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isAwaited = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    const { address, secret } = options;
    const vars = secret === null ? [] : pingVars(nonce(), secret);
    const signed = secret === null ? null : signedOf(vars, secret);
    const socket = this.#socket = openSocket(options);
    socket.on("error", (error: Error) => {
      this.#end(`connect to ${addressText(address)}: ${error.message || String(error)}`);
    });
    socket.on("close", () => this.#end(`${addressText(address)} closed the connection`));
    socket.on("drain", () => options.drained());
    socket.on("data", (bytes: Uint8Array) => {
      try {
        this.#read(bytes, (packet) => this.#greeted(peerOf(packet, signed)));
      } catch (error) {
        this.#end(`${addressText(address)}: ${(error as Error).message}`, !this.#isGreeted);
      }
    });
    socket.write(encodePacket(vars, MODIFIER_PING, KEEP_OPEN));
    this.keepAlive(true);
  }

  /** Whether an answer is awaited: only then the process is kept alive, and silence counts. */
  keepAlive(isAwaited: boolean): void {
    if (isAwaited === this.#isAwaited) return;
    this.#isAwaited = isAwaited;
    if (isAwaited) this.#socket.ref();
    else this.#socket.unref();
    this.#watchSilence();
  }

  /** @returns false when the peer is slow: more is to wait for {@link PeerLinkOptions.drained} */
  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  close(): void {
    this.#end("it was closed");
  }

  #read(bytes: Uint8Array, greeted: (packet: RawPacket) => void): void {
    this.#watchSilence();
    const reader = this.#reader;
    // What is whole is taken out before more goes in: the reader has room for some answers.
    for (let at = 0; at < bytes.length && !this.#isEnded;) {
      const space = reader.space();
      const part = bytes.subarray(at, at + space.length);
      space.set(part);
      reader.filled(part.length);
      at += part.length;
      for (let packet = reader.next(); packet && !this.#isEnded; packet = reader.next()) {
        if (this.#isGreeted) this.#options.answered(packet);
        else greeted(packet);
      }
    }
  }

  #greeted(peer: Peer): void {
    if (peer.kind !== "spooler" || !peer.keepAlive) {
      throw new PacketError(
        "it is no spooler of version 0.2 or later: nothing keeps tasks from being doubled",
      );
    }
    this.#isGreeted = true;
    this.#options.opened(peer);
  }

  #watchSilence(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#isAwaited || this.#isEnded) return;
    const { silenceMs, address } = this.#options;
    this.#timer = setTimeout(() => {
      this.#end(`${addressText(address)}: no answer for ${silenceMs / 1000} s`);
    }, silenceMs);
  }

  #end(reason: string, isFinal = false): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#watchSilence();
    this.#socket.destroy();
    this.#options.ended(reason, isFinal);
  }
}

function openSocket({ address, tls }: PeerLinkOptions): Socket {
  if (address.kind === "unix") {
    if (tls !== null) throw new TypeError("TLS needs a host and a port");
    return connectPlain({ path: address.path });
  }
  const { host, port } = address;
  if (tls === null) return connectPlain({ host, port, noDelay: true });
  // Names of machines alone may be sent for SNI.
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  return connectTls({ host, port, ...servername, ...tls });
}

function nonce(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
