/** Connects to a peer, with TLS if it needs it, within a time. */

import { readPem } from "./pem.ts";
import { type Address, addressText, uwsgiTwin } from "./address.ts";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { breakOff } from "../platform/tcp_socket.ts";

export interface ClientTls {
  /** Certificates to trust besides those the machine trusts, or null. Absolute, as the others. */
  readonly ca: string | null;
  /** What this side shows for itself; null is nothing. */
  readonly own: { readonly cert: string; readonly key: string } | null;
}

export interface DialOptions {
  readonly address: Address;
  /** Absent is a connection in the clear. */
  readonly tls?: ClientTls;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The files are read at each call, so that a renewed certificate is used without a restart. An attempt
 * that takes too long is not cancelled, but hung up on when it succeeds (docs/decisions.md).
 *
 * @throws {Error} that says what could not be reached, and why
 */
export async function dial(
  { address, tls, timeoutMs, clock }: DialOptions,
): Promise<Deno.Conn> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let isLate = false;
  const cancel = clock.after(timeoutMs, () => {
    isLate = true;
    reject(new Error(`no connection within ${timeoutMs / 1000} s`));
  });
  const dialled = tls ? dialTls(address, tls, late) : dialPlain(address);
  dialled.then((connection) => isLate && connection.close(), () => {});
  try {
    return await Promise.race([dialled, late]);
  } catch (error) {
    const reason = reasonOf(error);
    throw new Error(`connect to ${tls ? "tls://" : ""}${addressText(address)}: ${reason}`);
  } finally {
    cancel();
  }
}

async function dialPlain(address: Address): Promise<Deno.Conn> {
  if (address.kind === "unix") return await dialUnix(address);
  const { host: hostname, port } = address;
  const connection = await Deno.connect({ transport: "tcp", hostname, port });
  connection.setNoDelay(true);
  return connection;
}

async function dialUnix(address: Extract<Address, { kind: "unix" }>): Promise<Deno.Conn> {
  try {
    return await Deno.connect({ transport: "unix", path: address.path });
  } catch (error) {
    const twin = uwsgiTwin(address);
    if (twin?.kind !== "unix") throw error;
    return await Deno.connect({ transport: "unix", path: twin.path });
  }
}

/** @param late rejects when the time is over */
async function dialTls(
  address: Address,
  { ca, own }: ClientTls,
  late: Promise<never>,
): Promise<Deno.Conn> {
  if (address.kind === "unix") throw new Error("TLS needs a host and a port");
  const trusted = ca === null ? {} : { caCerts: [await readPem(ca)] };
  const options = { hostname: address.host, port: address.port, ...trusted };
  const connection = own === null ? await Deno.connectTls(options) : await Deno.connectTls({
    ...options,
    cert: await readPem(own.cert),
    key: await readPem(own.key),
  });
  try {
    await Promise.race([connection.handshake(), late.catch(() => breakOffTls(connection))]);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The handshake then fails by itself. */
function breakOffTls({ localAddr, remoteAddr }: Deno.TlsConn): Promise<never> {
  breakOff(localAddr.port, remoteAddr.port);
  return Promise.reject(new Error("no handshake in time"));
}
