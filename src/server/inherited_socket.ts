/** Sockets of the ini that a service manager has opened: they are accepted on as they are. */

import { adoptListener } from "../platform/adopted_listener.ts";
import { type InheritedSocket, inheritedSockets } from "../platform/inherited_sockets.ts";
import { type Address, addressText } from "../wire/address.ts";

/** The socket that a service manager has opened at this address; null when it has not. */
export function inheritedAt(address: Address): InheritedSocket | null {
  return inheritedSockets()?.find((socket) => isSame(socket.address, address)) ?? null;
}

/** One of every IPv6 address takes IPv4, too, and is what systemd makes of a port alone. */
function isSame(inherited: Address, wanted: Address): boolean {
  if (inherited.kind === "tcp" && wanted.kind === "tcp" && inherited.host === "::") {
    return inherited.port === wanted.port && ["::", "0.0.0.0"].includes(wanted.host);
  }
  return addressText(inherited) === addressText(wanted);
}

/**
 * A listener on the socket that a service manager has opened at this address; null when it has not.
 *
 * @throws {Error} when this runtime cannot accept on it
 */
export function adoptAt(address: Address): Deno.Listener | null {
  const inherited = inheritedAt(address);
  if (inherited === null) return null;
  const open = (): Deno.Listener =>
    inherited.address.kind === "tcp"
      ? Deno.listen({ hostname: anyHost(inherited.address.host), port: 0 })
      : Deno.listen({ transport: "unix", path: `\0spooler-${crypto.randomUUID()}` });
  return adoptListener(open, inherited.fd);
}

/** TLS without client certificates, by Deno. */
export function adoptTlsAt(
  address: Extract<Address, { kind: "tcp" }>,
  pems: { readonly cert: string; readonly key: string },
): Deno.TlsListener | null {
  const inherited = inheritedAt(address);
  if (inherited === null) return null;
  const open = () => Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pems });
  return adoptListener(open, inherited.fd);
}

const anyHost = (host: string) => host.includes(":") ? "::1" : "127.0.0.1";
