/**
 * `nats://a:4222,nats://b:4222/STREAM`: the address of a stream.
 *
 * @pure
 */

import { addressText, parseAddress } from "../wire/address.ts";
import type { StreamAddress } from "./settings.ts";

/** Before the address of a stream, in inis and commands. */
export const NATS_PREFIX = "nats://";
/** What stands behind a stream's name for the stream of tasks that were given up. */
export const FAILED_SUFFIX = "_failed";
/** The same for the object store of large bodies. */
export const BODIES_SUFFIX = "_bodies";

/** The same for what is remembered of tasks that have failed. */
export const ATTEMPTS_SUFFIX = "_attempts";
/** The same for the slots of jobs that one machine of many runs. */
export const ONCE_SUFFIX = "_once";

const DEFAULT_PORT = 4222;
/** A server makes a directory of this name; what is added to it has to fit, too. */
const NAME = /^[A-Za-z0-9_-]{1,200}$/;

export function isStreamAddress(text: string): boolean {
  return text.startsWith(NATS_PREFIX);
}

/** @throws {SyntaxError} that does not repeat the text: it may hold a password */
export function parseStreamAddress(text: string): StreamAddress {
  const form = "needs nats://HOST:PORT[,nats://HOST:PORT…]/STREAM";
  const slash = text.lastIndexOf("/");
  if (!isStreamAddress(text) || slash < NATS_PREFIX.length) throw new SyntaxError(form);
  const hosts = text.slice(NATS_PREFIX.length, slash).split(",")
    .map((host) => isStreamAddress(host) ? host.slice(NATS_PREFIX.length) : host);
  if (hosts.some((host) => host.includes("@"))) {
    throw new SyntaxError("has a user before an @: user= and password= are for spooler-nats");
  }
  if (hosts.some((host) => host === "" || host.includes("/"))) throw new SyntaxError(form);
  const stream = text.slice(slash + 1);
  if (!NAME.test(stream)) {
    throw new SyntaxError(
      "needs a stream's name of letters, digits, _ and - behind the last slash, 200 at most",
    );
  }
  return { text, servers: hosts.map(serverOf), stream };
}

function serverOf(host: string): string {
  const hasPort = /:\d+$/.test(host) && !/^[^[].*:.*:/.test(host);
  const address = parseAddress(hasPort ? host : `${host}:${DEFAULT_PORT}`);
  if (address.kind !== "tcp" || address.port === 0) {
    throw new SyntaxError("needs a port above 0 for each server");
  }
  return addressText(address);
}
