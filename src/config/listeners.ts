/** `socket` and `suwsgi-socket`: where tasks are accepted from the network. @pure */

import { type Address, isAbstract, parseAddress } from "../wire/address.ts";
import { isLoopback } from "../wire/network.ts";
import type { ListenerConfig, ReceptionConfig } from "../server/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import { parseBoolean } from "./value.ts";

export function listenersOf(given: Given): ListenerConfig[] {
  const plain = given.every("socket", (text, entry) => ({
    address: addressOf(given, text, entry),
    tls: null,
    place: entry.place,
  }));
  const secure = given.every("suwsgi-socket", (text, entry) => secureSocket(given, text, entry));
  return [...plain, ...secure];
}

function addressOf(given: Given, text: string, entry: Entry): Address {
  const address = parseAddress(text);
  if (address.kind !== "unix" || isAbstract(address.path)) return address;
  // uWSGI takes any text as the name then.
  if (given.last("abstract-socket", parseBoolean, false)) return parseAddress(`@${text}`);
  return { ...address, path: given.path(address.path, entry) };
}

/** `ADDRESS,CERT,KEY[,CA]`. */
function secureSocket(given: Given, text: string, entry: Entry): ListenerConfig {
  const [address = "", cert, key, ca, ...more] = text.split(",");
  if (!cert || !key || ca === "" || more.length > 0) {
    throw new SyntaxError("needs ADDRESS,CERT,KEY or ADDRESS,CERT,KEY,CA");
  }
  const path = (file: string) => given.path(file, entry);
  return {
    address: addressOf(given, address, entry),
    tls: { cert: path(cert), key: path(key), ca: ca === undefined ? null : path(ca) },
    place: entry.place,
  };
}

/** Whether anybody who reaches the socket could put tasks into the spool, and nobody said so. */
export function isOpenToAll(
  { address, tls }: ListenerConfig,
  { allow, secrets }: ReceptionConfig,
): boolean {
  if (address.kind === "unix" || isLoopback(address.host)) return false;
  return allow === null && secrets.length === 0 && (tls === null || tls.ca === null);
}
