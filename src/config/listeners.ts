/** `socket`: where tasks are accepted from the network. */

import { parseAddress } from "../uwsgi/address.ts";
import type { ListenerConfig } from "./config.ts";
import type { Given } from "./given.ts";

export function listenersOf(given: Given): ListenerConfig[] {
  return given.every("socket", (text, entry) => {
    const { place } = entry;
    const address = parseAddress(text);
    if (address.kind !== "unix") return { address, place };
    return { address: { ...address, path: given.path(address.path, entry) }, place };
  });
}
