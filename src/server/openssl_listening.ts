/** Sockets with TLS and client certificates by the machine's OpenSSL. */

import type { Clock } from "../platform/clock.ts";
import type { TlsConnection, TlsServer } from "../platform/openssl.ts";
import { reasonOf } from "../platform/reason.ts";
import { hangUp } from "../platform/tcp_socket.ts";
import { type Address, addressText } from "../wire/address.ts";
import { adoptAt, inheritedAt } from "./inherited_socket.ts";
import { Door } from "./door.ts";
import { type Guests, type Listening, type Serving, withBacklog } from "./listening.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { PeerStream } from "./stream.ts";
import type { TlsOptions } from "./tls_listening.ts";

/**
 * @param server is closed with the socket
 * @throws {Error} when the address cannot be listened on
 */
export function listenWithOpenSsl(
  address: Extract<Address, { kind: "tcp" }>,
  server: TlsServer,
  options: TlsOptions,
): Listening {
  const listener = opened(address, server, options);
  const { hostname: host, port } = listener.addr;
  const isAdopted = inheritedAt(address) !== null;
  return {
    address: addressText(isAdopted ? address : { kind: "tcp", host, port }),
    serve: (guests) => new Handshakes(listener, server, guests, options),
  };
}

function opened(
  address: Extract<Address, { kind: "tcp" }>,
  server: TlsServer,
  options: TlsOptions,
): Deno.TcpListener {
  const { host: hostname, port } = address;
  try {
    return adoptAt(address) as Deno.TcpListener | null ??
      withBacklog(() => Deno.listen({ hostname, port }), options);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Accepts connections and admits those that complete their handshake. */
class Handshakes implements Serving {
  readonly #underWay = new Set<OpenSslStream>();
  readonly #door: Door<Deno.TcpConn>;
  #isClosed = false;

  constructor(
    private readonly listener: Deno.TcpListener,
    private readonly server: TlsServer,
    private readonly guests: Guests,
    private readonly options: TlsOptions,
  ) {
    const accept = () => listener.accept();
    this.#door = new Door({ ...guests, accept, admit: (connection) => this.#begin(connection) });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = this.#door.close();
    this.listener.close();
    for (const stream of this.#underWay) stream.close();
    this.server.close();
    await closed;
  }

  #begin(connection: Deno.TcpConn): void {
    // It was accepted in the moment in which the socket was closed.
    if (this.#isClosed) return connection.close();
    if (this.#underWay.size >= this.options.maxHandshakes) this.#makeRoom();
    const { clock } = this.guests;
    const stream = new OpenSslStream(connection, clock, () => this.server.connection());
    this.#underWay.add(stream);
    this.#shakeHands(stream);
  }

  /** A crowd that says nothing keeps nobody out: the first of it goes. */
  #makeRoom(): void {
    const [oldest] = this.#underWay;
    if (oldest === undefined) return;
    const most = this.#underWay.size;
    oldest.giveUp(`dropped as the oldest of ${most} unfinished handshakes`);
    this.#underWay.delete(oldest);
  }

  async #shakeHands(stream: OpenSslStream): Promise<void> {
    const { timeoutMs, refused } = this.options;
    const cancel = this.guests.clock.after(
      timeoutMs,
      () => stream.giveUp(`no handshake within ${timeoutMs / 1000} s`),
    );
    try {
      await stream.handshake();
      this.#underWay.delete(stream);
      this.guests.admit(stream);
    } catch (error) {
      this.#underWay.delete(stream);
      stream.close();
      if (this.#isClosed) return;
      const { givenUp } = stream;
      const reason = givenUp === null ? reasonOf(error) : `TLS: ${givenUp}`;
      refused(stream.from, new RefusalError("denied", reason));
    } finally {
      cancel();
    }
  }
}

/** What comes in at once: many connections wait with such a buffer. */
const RECEIVED_SIZE = 4 * 1024;
/** Such buffers that nobody reads into now: what a flood of connections took is not taken again. */
const freeBuffers: Uint8Array<ArrayBuffer>[] = [];
/** What OpenSSL says goes through this, one step at a time; it is copied before the next. */
const outgoing = new Uint8Array(16 * 1024);
/** How long a peer that reads nothing keeps what was said last from being sent. */
const LINGER_MS = 1000;

class OpenSslStream implements PeerStream {
  readonly from: string;
  readonly ip: string;
  /** Nobody is let in without one. */
  readonly credential = "certificate";
  #sender = "";
  readonly #connection: Deno.TcpConn;
  readonly #clock: Clock;
  readonly #begin: () => TlsConnection;
  /** Null until the peer says something: who keeps silent takes no memory of OpenSSL's. */
  #tls: TlsConnection | null = null;
  /** Writes of what OpenSSL has to say, one after the other. */
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;
  #givenUp: string | null = null;

  constructor(connection: Deno.TcpConn, clock: Clock, begin: () => TlsConnection) {
    const { hostname: host, port } = connection.remoteAddr;
    this.#clock = clock;
    this.#connection = connection;
    this.#begin = begin;
    this.ip = host;
    this.from = addressText({ kind: "tcp", host, port });
  }

  get sender(): string {
    return this.#sender;
  }

  /** Why this side ended it before its handshake; null when it did not. */
  get givenUp(): string | null {
    return this.#givenUp;
  }

  giveUp(reason: string): void {
    this.#givenUp ??= reason;
    this.close();
  }

  /** @throws {Error} when the peer is not let in, or goes away */
  async handshake(): Promise<void> {
    while (true) {
      if (!(await this.#receive())) throw new Error("TLS: the peer went away");
      const step = this.#step((tls) => tls.handshake());
      await this.#sending;
      if (step === "end") throw new Error("TLS: the peer went away");
      if (step === "more") continue;
      this.#sender = encodeURIComponent(this.#step((tls) => tls.peerName()));
      return;
    }
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (into.length === 0) return 0;
    while (true) {
      const step = this.#step((tls) => tls.read(into));
      if (typeof step === "number") return step;
      if (step === "end" || !(await this.#receive())) return null;
    }
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (bytes.length > 0) this.#step((tls) => tls.write(bytes));
    await this.#sending;
  }

  async closeWrite(): Promise<void> {
    this.#step((tls) => tls.shutdown());
    await this.#sending;
    if (!this.#isClosed) await this.#connection.closeWrite();
  }

  /** Says so first: without that the peer takes what it has for cut off. */
  close(): void {
    if (this.#isClosed) return;
    if (this.#tls !== null) this.#step((tls) => tls.shutdown());
    this.#isClosed = true;
    this.#tls?.close();
    const cancel = this.#clock.after(LINGER_MS, () => hangUp(this.#connection, true));
    const sent = () => {
      cancel();
      hangUp(this.#connection, false);
    };
    this.#sending.then(sent, sent);
  }

  /** Whatever a step says to the peer, an alert too, is sent. */
  #step<T>(step: (tls: TlsConnection) => T): T {
    if (this.#isClosed) throw new Deno.errors.BadResource("the connection is closed");
    const tls = this.#tls ??= this.#begin();
    try {
      return step(tls);
    } finally {
      this.#send(tls);
    }
  }

  #send(tls: TlsConnection): void {
    const pieces: Uint8Array[] = [];
    for (let count = tls.pull(outgoing); count > 0; count = tls.pull(outgoing)) {
      pieces.push(outgoing.slice(0, count));
    }
    if (pieces.length === 0) return;
    this.#sending = this.#sending.then(() => this.#writeAll(pieces));
    // The caller that awaits it gets the error.
    this.#sending.catch(() => {});
  }

  async #writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += await this.#connection.write(piece.subarray(at));
    }
  }

  /** False at the end of what the peer sends. */
  async #receive(): Promise<boolean> {
    const buffer = freeBuffers.pop() ?? new Uint8Array(RECEIVED_SIZE);
    try {
      const count = await this.#connection.read(buffer);
      if (count === null) return false;
      this.#step((tls) => tls.push(buffer.subarray(0, count)));
      return true;
    } finally {
      freeBuffers.push(buffer);
    }
  }
}
