/** `socket` and `suwsgi-socket`: where tasks are accepted from the network. @pure */

import { type Address, isAbstract, parseAddress } from "../wire/address.ts";
import { isLoopback } from "../wire/network.ts";
import type { ListenerConfig, ReceptionConfig } from "../server/settings.ts";
import type { CheckHost } from "./checks.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseBoolean } from "./value.ts";

type Inherited = Pick<CheckHost, "inherited">;

export function listenersOf(given: Given, host: Inherited): ListenerConfig[] {
  const plain = given.every(
    "socket",
    (text, entry) =>
      addressesOf(given, text, entry, host).map((address) => ({
        address,
        tls: null,
        place: entry.place,
      })),
  );
  const secure = given.every(
    "suwsgi-socket",
    (text, entry) => secureSockets(given, text, entry, host),
  );
  return [...plain, ...secure].flat();
}

/** As in uWSGI, but that has numbers only. */
const INHERITED = "fd://";

function addressesOf(
  given: Given,
  text: string,
  entry: Entry,
  { inherited }: Inherited,
): readonly Address[] {
  if (!text.startsWith(INHERITED)) return [addressOf(given, text, entry)];
  const name = text.slice(INHERITED.length);
  const addresses = inherited?.(name) ?? null;
  if (addresses === null) {
    given.warning(entry, "is left out: no service manager has handed over sockets (LISTEN_FDS)");
    return [];
  }
  if (addresses.length > 0) return addresses;
  throw new SyntaxError("needs FileDescriptorName= of a socket that was handed over");
}

export function addressOf(given: Given, text: string, entry: Entry): Address {
  const address = parseAddress(text);
  if (address.kind !== "unix" || isAbstract(address.path)) return address;
  // uWSGI takes any text as the name then.
  if (given.last("abstract-socket", parseBoolean, false)) return parseAddress(`@${text}`);
  return { ...address, path: given.path(address.path, entry) };
}

/** `ADDRESS,CERT,KEY[,CA]`. */
export function secureSockets(
  given: Given,
  text: string,
  entry: Entry,
  host: Inherited,
): ListenerConfig[] {
  const [address = "", cert, key, ca, ...more] = text.split(",");
  if (!cert || !key || ca === "" || more.length > 0) {
    throw new SyntaxError("needs ADDRESS,CERT,KEY or ADDRESS,CERT,KEY,CA");
  }
  const path = (file: string) => given.path(file, entry);
  const tls = { cert: path(cert), key: path(key), ca: ca === undefined ? null : path(ca) };
  return addressesOf(given, address, entry, host)
    .map((each) => ({ address: each, tls, place: entry.place }));
}

/** Whether anybody who reaches the socket could put tasks into the spool, and nobody said so. */
export function isOpenToAll(
  { address, tls }: ListenerConfig,
  { allow, secrets }: ReceptionConfig,
): boolean {
  if (address.kind === "unix" || isLoopback(address.host)) return false;
  return allow === null && secrets.length === 0 && (tls === null || tls.ca === null);
}
