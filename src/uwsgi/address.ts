/**
 * Socket addresses as uWSGI writes them.
 *
 * `host:port`, `:port` (every interface), `[::1]:port`, `/a/path.sock`, `@abstract`.
 */

export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/**
 * @param text an address; a path that is not absolute is returned as it is
 * @throws {SyntaxError} when it is none of the forms above; the message does not repeat the value
 */
export function parseAddress(text: string): Address {
  if (text === "") throw new SyntaxError("wants host:port, :port or a path of a unix socket");
  if (text.startsWith("@")) {
    throw new SyntaxError("abstract unix sockets (@name) are not supported yet");
  }
  const colon = text.lastIndexOf(":");
  if (text.includes("/") || colon === -1) return { kind: "unix", path: text };

  const digits = text.slice(colon + 1);
  const port = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || port > 65535) {
    throw new SyntaxError("wants a port from 0 to 65535 behind the last colon");
  }
  const bracketed = /^\[(.+)\]$/.exec(text.slice(0, colon));
  const host = bracketed?.[1] ?? text.slice(0, colon);
  if (!bracketed && host.includes(":")) {
    throw new SyntaxError("wants an IPv6 address in brackets, as in [::1]:3031");
  }
  return { kind: "tcp", host: host === "" ? "0.0.0.0" : host, port };
}

export function addressText(address: Address): string {
  if (address.kind === "unix") return address.path;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
