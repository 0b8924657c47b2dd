/** `socket`: where tasks are accepted from the network. */

import { resolve } from "node:path";
import { parseAddress } from "../uwsgi/address.ts";
import type { ListenerConfig } from "./config.ts";
import type { Given } from "./given.ts";

export function listenersOf(given: Given): ListenerConfig[] {
  return given.every("socket", (text, { place }) => {
    const address = parseAddress(text);
    if (address.kind !== "unix") return { address, place };
    return { address: { ...address, path: resolve(given.baseDir, address.path) }, place };
  });
}
