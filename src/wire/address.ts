/**
 * Socket addresses as uWSGI writes them.
 *
 * `host:port`, `:port` (every interface), `[::1]:port`, `/a/path.sock`, `@abstract`.
 *
 * @pure
 */

export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /**
   * A path that starts with a NUL is no file but a name in Linux's abstract namespace, as in
   * unix(7).
   */
  | { readonly kind: "unix"; readonly path: string };

/** sun_path has 108 bytes, of which a file's name leaves one for its end. */
const LONGEST_PATH = 107;

/**
 * @param text an address; a path that is not absolute is returned as it is
 * @throws {SyntaxError} when it has none of the forms above; the message does not repeat the value
 */
export function parseAddress(text: string): Address {
  if (text === "" || text === "@") {
    throw new SyntaxError("needs host:port, :port, a path of a unix socket or @name");
  }
  if (text.startsWith("@")) return unixAddress(`\0${text.slice(1)}`);
  const colon = text.lastIndexOf(":");
  if (text.includes("/") || colon === -1) return unixAddress(text);

  const digits = text.slice(colon + 1);
  const port = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || port > 65535) {
    throw new SyntaxError("needs a port from 0 to 65535 behind the last colon");
  }
  const bracketed = /^\[(.+)\]$/.exec(text.slice(0, colon));
  const host = bracketed?.[1] ?? text.slice(0, colon);
  if (!bracketed && host.includes(":")) {
    throw new SyntaxError("needs an IPv6 address in brackets, as in [::1]:3031");
  }
  return { kind: "tcp", host: host === "" ? "0.0.0.0" : host, port };
}

function unixAddress(path: string): Address {
  if (new TextEncoder().encode(path).length > LONGEST_PATH) {
    throw new SyntaxError(`needs a path of ${LONGEST_PATH} bytes at most for a unix socket`);
  }
  return { kind: "unix", path };
}

/** Whether a unix socket is a name in the abstract namespace, not a file. */
export function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}

/**
 * uWSGI puts a NUL behind an abstract name, as its own (core/socket.c, bind_to_unix), and its clients
 * use that one; others have none.
 *
 * @returns the address under which a uWSGI has the same name; null when it is no abstract one
 */
export function uwsgiTwin(address: Address): Address | null {
  if (address.kind !== "unix" || !isAbstract(address.path)) return null;
  return { kind: "unix", path: `${address.path}\0` };
}

/** Before an address that is reached by TLS, in inis and commands. */
export const TLS_PREFIX = "tls://";

export function addressText(address: Address): string {
  if (address.kind === "unix") {
    return isAbstract(address.path)
      ? `@${address.path.slice(1).replaceAll("\0", "")}`
      : address.path;
  }
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
