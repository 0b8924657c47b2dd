/**
 * Sockets with TLS. Without client certificates Deno's own listener does it; to ask for them takes
 * node:tls, and a Deno that enforces them: that is tried out before the socket is opened.
 */

import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import type { TlsFiles } from "../config/config.ts";
import { type Address, addressText } from "./address.ts";
import { type Listening, listening, type SocketOptions, withBacklog } from "./listening.ts";
import { nodeStream } from "./node_stream.ts";
import { RefusalError } from "./refusal.ts";
import type { Stream } from "./stream.ts";
import { reasonOf } from "../report/reason.ts";

interface Pems {
  readonly cert: string;
  readonly key: string;
}

export interface TlsOptions extends SocketOptions {
  /** A handshake that takes longer is given up. */
  readonly timeoutMs: number;
  /** Connections under way at the same time, those whose handshake is not done among them. */
  readonly maxHandshakes: number;
  /** Told of every handshake that fails. */
  readonly refused: (from: string, refusal: RefusalError) => void;
}

/** @throws {Error} when a file is no PEM, or the address cannot be listened on */
export async function listenWithTls(
  address: Address,
  files: TlsFiles,
  options: TlsOptions,
): Promise<Listening> {
  if (address.kind !== "tcp") throw new Error(`listen on ${addressText(address)}: TLS wants TCP`);
  const pems = { cert: await readPem(files.cert), key: await readPem(files.key) };
  if (files.ca === null) {
    const { host: hostname, port } = address;
    const listener = withBacklog(() => Deno.listenTls({ hostname, port, ...pems }), options);
    return listening(listener, addressText({ ...address, port: listener.addr.port }));
  }
  const ca = await readPem(files.ca);
  await assertEnforced(pems, ca);
  return await listenForCertificates(address, pems, ca, options);
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`read ${path}: ${reasonOf(error)}`);
  }
}

function serverFor(pems: Pems, ca: string, timeoutMs: number): Server {
  return createServer({
    ...pems,
    ca: [ca],
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
    handshakeTimeout: timeoutMs,
  });
}

async function listenForCertificates(
  address: Extract<Address, { kind: "tcp" }>,
  pems: Pems,
  ca: string,
  options: TlsOptions,
): Promise<Listening> {
  const server = serverFor(pems, ca, options.timeoutMs);
  const arrivals = new Arrivals(server, options);
  const { host, backlog } = { ...address, ...options };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: address.port, backlog }, resolve);
  });
  const { port } = server.address() as { port: number };
  return {
    address: addressText({ kind: "tcp", host, port }),
    accept: () => arrivals.next(),
    close() {
      server.close();
      arrivals.close();
    },
  };
}

/** Connections whose handshake is done, for who asks for the next. */
class Arrivals {
  readonly #waiting: Stream[] = [];
  readonly #askers: PromiseWithResolvers<Stream>[] = [];
  #handshakes = 0;
  #isClosed = false;

  constructor(server: Server, { maxHandshakes, refused }: TlsOptions) {
    server.on("connection", (socket) => {
      if (++this.#handshakes > maxHandshakes) socket.destroy();
      socket.once("close", () => this.#handshakes--);
    });
    server.on("secureConnection", (socket) => this.#arrive(nodeStream(socket)));
    server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      refused(peerOf(socket), new RefusalError("denied", `TLS: ${error.message}`));
      socket.destroy();
    });
  }

  next(): Promise<Stream> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("it is closed"));
    const stream = this.#waiting.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    const asker = Promise.withResolvers<Stream>();
    this.#askers.push(asker);
    return asker.promise;
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#waiting) stream.close();
    for (const { reject } of this.#askers) reject(new Deno.errors.BadResource("it is closed"));
  }

  #arrive(stream: Stream): void {
    const asker = this.#askers.shift();
    if (asker !== undefined) asker.resolve(stream);
    else this.#waiting.push(stream);
  }
}

function peerOf({ remoteAddress, remotePort }: TLSSocket): string {
  if (remoteAddress === undefined) return "a TLS peer";
  return addressText({ kind: "tcp", host: remoteAddress, port: remotePort ?? 0 });
}

const PATIENCE_MS = 5000;

/**
 * Comes to itself without a certificate, on a socket of its own.
 *
 * @throws {Error} when that is not turned away: older Denos ask for none
 */
async function assertEnforced(pems: Pems, ca: string): Promise<void> {
  if (!(await turnsAwayStrangers(pems, ca))) {
    throw new Error(
      `client certificates cannot be asked for with Deno ${Deno.version.deno}: its node:tls lets ` +
        "everybody in (Deno 2.9 does not)",
    );
  }
}

function turnsAwayStrangers(pems: Pems, ca: string): Promise<boolean> {
  const server = serverFor(pems, ca, PATIENCE_MS);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.on("secureConnection", (socket) => {
    socket.destroy();
    resolve(false);
  });
  server.on("tlsClientError", (_error: Error, socket: TLSSocket) => {
    socket.destroy();
    resolve(true);
  });
  try {
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const { port } = server.address() as { port: number };
      const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
      client.on("error", () => {});
      promise.finally(() => client.destroy());
    });
  } catch {
    resolve(false);
  }
  return promise.finally(() => server.close());
}
