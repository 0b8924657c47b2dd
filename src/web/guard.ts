/**
 * Whether a request that changes something was meant by its sender: a page of somebody else can make a
 * browser send one, with the password that it remembers.
 *
 * @pure
 */

import type { HttpRequest } from "../monitor/http_answer.ts";
import { hmacSha256, isSameDigest } from "../wire/hmac.ts";

/** Says that the sender has read a page of ours. Another for each user, and after each start. */
export class Tokens {
  constructor(private readonly secret: string) {}

  of(user: string | null): string {
    return hmacSha256(this.secret, new TextEncoder().encode(user ?? ""));
  }

  isOf(user: string | null, given: string | null | undefined): boolean {
    return isSameDigest(this.of(user), given ?? "");
  }
}

/** Browsers say where a request comes from; older ones in its Origin alone. */
export type Provenance = "own" | "foreign" | "unknown";

export function provenance({ headers }: Pick<HttpRequest, "headers">): Provenance {
  const site = headers.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin" || site === "none" ? "own" : "foreign";
  const origin = headers.get("origin");
  if (origin === undefined) return "unknown";
  return hostOf(origin) === headers.get("host")?.toLowerCase() ? "own" : "foreign";
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
