/** Connects to a peer, with TLS if it wants it, within a time. */

import { type Address, addressText } from "./address.ts";

export interface TlsFiles {
  /** Certificates to trust besides those the machine trusts; null is none. Absolute, as the others. */
  readonly ca: string | null;
  /** What this side shows for itself; null is nothing. */
  readonly own: { readonly cert: string; readonly key: string } | null;
}

export interface DialOptions {
  readonly address: Address;
  /** Absent is a connection in the clear. */
  readonly tls?: TlsFiles;
  readonly timeoutMs: number;
}

/**
 * The files are read at each call, so that a renewed certificate is used without a restart.
 *
 * @throws {Error} that says what could not be reached, and why
 */
export async function dial({ address, tls, timeoutMs }: DialOptions): Promise<Deno.Conn> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    return tls ? await dialTls(address, tls, abort.signal) : await dialPlain(address, abort.signal);
  } catch (error) {
    const reason = abort.signal.aborted
      ? `no connection within ${timeoutMs / 1000} s`
      : error instanceof Error
      ? error.message
      : String(error);
    throw new Error(`connect to ${tls ? "tls://" : ""}${addressText(address)}: ${reason}`);
  } finally {
    clearTimeout(timer);
  }
}

async function dialPlain(address: Address, signal: AbortSignal): Promise<Deno.Conn> {
  if (address.kind === "unix") {
    return await Deno.connect({ transport: "unix", path: address.path });
  }
  const connection = await Deno.connect({
    transport: "tcp",
    hostname: address.host,
    port: address.port,
    signal,
  });
  connection.setNoDelay(true);
  return connection;
}

async function dialTls(
  address: Address,
  { ca, own }: TlsFiles,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  if (address.kind === "unix") throw new Error("TLS wants a host and a port");
  const caCerts = ca === null ? {} : { caCerts: [await readPem(ca)] };
  const options = { hostname: address.host, port: address.port, ...caCerts };
  const connecting = own === null ? Deno.connectTls(options) : Deno.connectTls({
    ...options,
    cert: await readPem(own.cert),
    key: await readPem(own.key),
  });
  const shaken = connecting.then(async (connection) => {
    const hangUp = () => connection.close();
    signal.addEventListener("abort", hangUp);
    try {
      await connection.handshake();
      return connection;
    } catch (error) {
      if (!signal.aborted) connection.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", hangUp);
    }
  });
  // Deno cannot break a TLS connection off while it is made: one that comes too late is hung up on.
  return await new Promise<Deno.Conn>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("too late")), { once: true });
    shaken.then((connection) => {
      if (signal.aborted) connection.close();
      else resolve(connection);
    }, reject);
  });
}

async function readPem(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(`read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
