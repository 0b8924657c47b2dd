/**
 * How the packages of NATS reach a server: a TCP connection of Deno's own, with TLS when the server or
 * the ini wants it. Their transport for Node loses `setNoDelay` and half the handshake on Deno 2.4.
 */

import type { ConnectionOptions } from "@nats-io/nats-core";
import { INFO, type Transport } from "@nats-io/nats-core/internal";
import { joined } from "../platform/bytes.ts";
import { reasonOf } from "../platform/reason.ts";
import { hangUp } from "../platform/tcp_socket.ts";
import { VERSION } from "../platform/version.ts";
import { writeAll } from "../wire/client.ts";

/** What the packages say of a server they try. */
type Server = Parameters<Transport["connect"]>[0];

const READ_SIZE = 64 * 1024;
/** A server's first line is below 4 KiB; whoever sends more is none. */
const LONGEST_INFO = 64 * 1024;

export class TcpTransport implements Transport {
  readonly lang = "spooler";
  readonly version = VERSION;
  isClosed = false;
  closeError?: Error;
  #conn: Deno.Conn | null = null;
  #isEncrypted = false;
  /** What the server sent before TLS: its first line. */
  #greeting = new Uint8Array(0);
  #unsent: Uint8Array[] = [];
  #isWriting = false;
  readonly #end = Promise.withResolvers<void | Error>();

  async connect({ hostname, port }: Server, options: ConnectionOptions): Promise<void> {
    try {
      await this.#connect(hostname.replace(/^\[(.*)\]$/, "$1"), port, options);
    } catch (error) {
      throw new Error(`connect to ${hostname}:${port}: ${reasonOf(error)}`);
    }
    // Given up meanwhile: the attempt itself cannot be cancelled.
    if (this.isClosed) this.#hangUp();
  }

  async #connect(hostname: string, port: number, { tls }: ConnectionOptions): Promise<void> {
    const conn = await Deno.connect({ hostname, port });
    this.#conn = conn;
    conn.setNoDelay(true);
    this.#greeting = await readGreeting(conn);
    const [, json] = INFO.exec(new TextDecoder().decode(this.#greeting)) ?? [];
    if (json === undefined) throw new Error("it is no NATS server");
    const info = JSON.parse(json) as { tls_required?: boolean; tls_available?: boolean };
    if (!info.tls_required && !tls) return;
    if (!info.tls_required && !info.tls_available) {
      throw new Error("it offers no TLS, and spooler-nats has ca=");
    }
    const encrypted = await Deno.startTls(conn, {
      hostname,
      ...(tls?.ca === undefined ? {} : { caCerts: [tls.ca] }),
    });
    this.#conn = encrypted;
    await encrypted.handshake();
    this.#isEncrypted = true;
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    yield this.#greeting;
    const buffer = new Uint8Array(READ_SIZE);
    try {
      while (!this.isClosed && this.#conn !== null) {
        const count = await this.#conn.read(buffer);
        if (count === null) break;
        yield buffer.slice(0, count);
      }
    } catch (error) {
      this.#finish(new Error(reasonOf(error)));
    }
    this.#finish();
  }

  isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  send(frame: Uint8Array): void {
    if (this.isClosed) return;
    this.#unsent.push(frame);
    if (!this.#isWriting) this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#unsent.length > 0 && this.#conn !== null) {
        await writeAll(this.#conn, joined(this.#unsent.splice(0)));
      }
    } catch (error) {
      this.#finish(new Error(reasonOf(error)));
    } finally {
      this.#isWriting = false;
    }
  }

  close(error?: Error): Promise<void> {
    this.#finish(error);
    return Promise.resolve();
  }

  disconnect(): void {
    this.#finish();
  }

  discard(): void {
    this.#finish();
  }

  closed(): Promise<void | Error> {
    return this.#end.promise;
  }

  #finish(error?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (error !== undefined) this.closeError = error;
    this.#hangUp();
    this.#end.resolve(error);
  }

  #hangUp(): void {
    this.#unsent = [];
    if (this.#conn !== null) hangUp(this.#conn, this.#isWriting);
    this.#conn = null;
  }
}

/** The first line, byte for byte what came: a server sends nothing behind it before it has an answer. */
async function readGreeting(conn: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(LONGEST_INFO);
  for (let size = 0; size < buffer.length;) {
    const count = await conn.read(buffer.subarray(size));
    if (count === null) throw new Error("it closed the connection");
    size += count;
    if (buffer.subarray(0, size).includes(NEWLINE)) return buffer.slice(0, size);
  }
  throw new Error("it is no NATS server");
}

const NEWLINE = 10;
