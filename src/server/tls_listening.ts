/**
 * Sockets with TLS. Without client certificates Deno's own listener does it. It cannot ask for them, nor
 * can node:tls of many Denos, which lets everybody in: for that the machine's OpenSSL is called.
 */

import { readPem } from "../wire/pem.ts";
import type { TlsFiles } from "./settings.ts";
import { TlsServer } from "../platform/openssl.ts";
import { type Address, addressText } from "../wire/address.ts";
import { adoptTlsAt } from "./inherited_socket.ts";
import { type Listening, listening, type SocketOptions, withBacklog } from "./listening.ts";
import { listenWithOpenSsl } from "./openssl_listening.ts";
import type { RefusalError } from "../wire/refusal.ts";

export interface TlsOptions extends SocketOptions {
  /** A handshake that takes longer is given up. */
  readonly timeoutMs: number;
  /** Handshakes under way at the same time. */
  readonly maxHandshakes: number;
  /** Called for every handshake that fails. */
  readonly refused: (from: string, refusal: RefusalError) => void;
}

/** @throws {Error} when a file is no PEM, or the address cannot be listened on */
export async function listenWithTls(
  address: Address,
  { cert, key, ca }: TlsFiles,
  options: TlsOptions,
): Promise<Listening> {
  if (address.kind !== "tcp") throw new Error(`listen on ${addressText(address)}: TLS needs TCP`);
  if (ca === null) {
    const { host: hostname, port } = address;
    const pems = { cert: await readPem(cert), key: await readPem(key) };
    const adopted = adoptTlsAt(address, pems);
    if (adopted !== null) return listening(adopted, addressText(address));
    const listener = withBacklog(() => Deno.listenTls({ hostname, port, ...pems }), options);
    return listening(listener, addressText({ ...address, port: listener.addr.port }));
  }
  return listenWithOpenSsl(address, openTlsServer({ cert, key, ca }), options);
}

/** @throws {Error} when a file is no PEM, or the machine has no OpenSSL */
export function openTlsServer(files: Readonly<Record<"cert" | "key" | "ca", string>>): TlsServer {
  const server = TlsServer.open(files);
  if (server instanceof TlsServer) return server;
  const why = `this machine has no OpenSSL: ${server.unavailable}`;
  throw new Error(`cannot ask for client certificates: ${why}`);
}
