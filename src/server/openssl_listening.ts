/** Sockets with TLS and client certificates by the machine's OpenSSL. */

import type { TlsConnection, TlsServer } from "../platform/openssl.ts";
import { reasonOf } from "../platform/reason.ts";
import { type Address, addressText } from "../wire/address.ts";
import { Arrivals } from "./arrivals.ts";
import { type Listening, withBacklog } from "./listening.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Stream } from "./stream.ts";
import type { TlsOptions } from "./tls_listening.ts";

/**
 * @param server is closed with the socket
 * @throws {Error} when the address cannot be listened on
 */
export function listenWithOpenSsl(
  { host: hostname, port }: Extract<Address, { kind: "tcp" }>,
  server: TlsServer,
  options: TlsOptions,
): Listening {
  const listener = opened(() => Deno.listen({ hostname, port }), server, options);
  const arrivals = new Arrivals();
  const door = new Door(listener, server, arrivals, options);
  const { hostname: host, port: chosen } = listener.addr;
  return {
    address: addressText({ kind: "tcp", host, port: chosen }),
    accept: () => arrivals.next(),
    close() {
      door.close();
      arrivals.close();
    },
  };
}

function opened(
  open: () => Deno.TcpListener,
  server: TlsServer,
  options: TlsOptions,
): Deno.TcpListener {
  try {
    return withBacklog(open, options);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** How long to wait when the system cannot take a connection now. */
const BACKOFF_MS = 100;

/** Takes connections and lets those in whose handshake comes to its end. */
class Door {
  readonly #handshakes = new Set<OpenSslStream>();
  #isClosed = false;

  constructor(
    private readonly listener: Deno.TcpListener,
    private readonly server: TlsServer,
    private readonly arrivals: Arrivals,
    private readonly options: TlsOptions,
  ) {
    this.#accept();
  }

  close(): void {
    this.#isClosed = true;
    this.listener.close();
    for (const stream of this.#handshakes) stream.close();
    this.server.close();
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#welcome(await this.listener.accept());
      } catch (error) {
        if (this.#isClosed) return;
        this.arrivals.fail(error);
        await new Promise((resume) => setTimeout(resume, BACKOFF_MS));
      }
    }
  }

  #welcome(connection: Deno.TcpConn): void {
    if (this.#handshakes.size >= this.options.maxHandshakes) return connection.close();
    const stream = this.#streamOf(connection);
    this.#handshakes.add(stream);
    this.#shakeHands(stream);
  }

  #streamOf(connection: Deno.TcpConn): OpenSslStream {
    try {
      return new OpenSslStream(connection, this.server.connection());
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #shakeHands(stream: OpenSslStream): Promise<void> {
    const { timeoutMs, refused } = this.options;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      stream.close();
    }, timeoutMs);
    try {
      await stream.handshake();
      this.#handshakes.delete(stream);
      this.arrivals.arrive(stream);
    } catch (error) {
      this.#handshakes.delete(stream);
      stream.close();
      if (this.#isClosed) return;
      const reason = isLate ? `TLS: no handshake within ${timeoutMs / 1000} s` : reasonOf(error);
      refused(stream.from, new RefusalError("denied", reason));
    } finally {
      clearTimeout(timer);
    }
  }
}

const BUFFER_SIZE = 16 * 1024;
/** How long a peer that reads nothing keeps what was said last from being sent. */
const LINGER_MS = 1000;

class OpenSslStream implements Stream {
  readonly from: string;
  readonly ip: string;
  /** Nobody is let in without one. */
  readonly voucher = "certificate";
  readonly #connection: Deno.TcpConn;
  readonly #tls: TlsConnection;
  readonly #received = new Uint8Array(BUFFER_SIZE);
  /** Writes of what OpenSSL has to say, one after the other. */
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(connection: Deno.TcpConn, tls: TlsConnection) {
    const { hostname: host, port } = connection.remoteAddr;
    this.#connection = connection;
    this.#tls = tls;
    this.ip = host;
    this.from = addressText({ kind: "tcp", host, port });
  }

  /** @throws {Error} when the peer is not let in, or goes away */
  async handshake(): Promise<void> {
    while (true) {
      const step = this.#step(() => this.#tls.handshake());
      await this.#sending;
      if (typeof step === "number") return;
      if (step === "end" || !(await this.#receive())) throw new Error("TLS: the peer went away");
    }
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (into.length === 0) return 0;
    while (true) {
      const step = this.#step(() => this.#tls.read(into));
      if (typeof step === "number") return step;
      if (step === "end" || !(await this.#receive())) return null;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) this.#step(() => this.#tls.write(new Uint8Array(bytes)));
    await this.#sending;
  }

  async closeWrite(): Promise<void> {
    this.#step(() => this.#tls.shutdown());
    await this.#sending;
    if (!this.#isClosed) await this.#connection.closeWrite();
  }

  /** Says so first: without that the peer takes what it has for cut off. */
  close(): void {
    if (this.#isClosed) return;
    this.#step(() => this.#tls.shutdown());
    this.#isClosed = true;
    this.#tls.close();
    const timer = setTimeout(() => this.#hangUp(), LINGER_MS);
    const sent = () => {
      clearTimeout(timer);
      this.#hangUp();
    };
    this.#sending.then(sent, sent);
  }

  #hangUp(): void {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
  }

  /** Whatever a step says to the peer, an alert too, is sent. */
  #step<T>(step: () => T): T {
    if (this.#isClosed) throw new Deno.errors.BadResource("the connection is closed");
    try {
      return step();
    } finally {
      this.#send();
    }
  }

  #send(): void {
    const pieces: Uint8Array[] = [];
    while (true) {
      const piece = new Uint8Array(BUFFER_SIZE);
      const count = this.#tls.pull(piece);
      if (count === 0) break;
      pieces.push(piece.subarray(0, count));
    }
    if (pieces.length === 0) return;
    this.#sending = this.#sending.then(() => this.#writeAll(pieces));
    // Told to who waits for it.
    this.#sending.catch(() => {});
  }

  async #writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += await this.#connection.write(piece.subarray(at));
    }
  }

  /** False at the end of what the peer sends. */
  async #receive(): Promise<boolean> {
    const count = await this.#connection.read(this.#received);
    if (count === null) return false;
    if (!this.#isClosed) this.#tls.push(this.#received.subarray(0, count));
    return true;
  }
}
