/** Who may ask over HTTP: by password, and, without one, under which names. @pure */

import { createHash, timingSafeEqual } from "node:crypto";
import { decodeBase64 } from "../platform/base64.ts";
import { isIpAddress } from "../wire/network.ts";
import type { HttpUser } from "./settings.ts";

/** Constant in time, whatever the lengths are. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}

/**
 * @param header the Authorization of the request
 * @returns who it is; null for nobody that is known
 */
export function userOf(header: string | null, users: readonly HttpUser[]): HttpUser | null {
  const encoded = /^basic +([A-Za-z0-9+/=]{1,4096})$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return null;
  const given = new TextDecoder().decode(decodeBase64(encoded) ?? new Uint8Array());
  const people = users.filter(({ role }) => role !== "producer");
  return found(people, ({ user, password }) => isSame(given, `${user}:${password}`));
}

/**
 * @param header the Authorization of the request
 * @returns the program whose token it is; undefined for what is no token, null for nobody's
 */
export function producerOf(
  header: string | undefined,
  users: readonly HttpUser[],
): HttpUser | null | undefined {
  const token = /^bearer +(\S{1,4096})$/i.exec(header ?? "")?.[1];
  if (token === undefined) return undefined;
  const programs = users.filter(({ role }) => role === "producer");
  return found(programs, ({ password }) => isSame(token, password));
}

/** All are compared: the time says nothing of who is among them. */
function found(users: readonly HttpUser[], matches: (user: HttpUser) => boolean): HttpUser | null {
  return users.filter(matches).at(-1) ?? null;
}

/**
 * Whether a page of somebody else may have asked: a name that its owner has pointed here, which a
 * browser takes for the page's own. Addresses are no such names.
 *
 * @param host the Host of the request
 * @param own the host that is listened on
 */
export function isForeignName(host: string, own: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return !(name === "localhost" || name === own.toLowerCase() || isIpAddress(name));
}
