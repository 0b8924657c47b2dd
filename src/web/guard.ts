/**
 * Whether a request that changes something was meant by its sender: a page of somebody else can make a
 * browser send one, with the password that it remembers.
 *
 * @pure
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import type { HttpRequest } from "../monitor/http_answer.ts";

/** Says that the sender has read a page of ours. Another for each user, and after each start. */
export class Tokens {
  constructor(private readonly secret: Uint8Array) {}

  of(user: string | null): string {
    return createHmac("sha256", this.secret).update(user ?? "").digest("hex");
  }

  isOf(user: string | null, given: string | null | undefined): boolean {
    const [own, other] = [this.of(user), given ?? ""].map((text) => new TextEncoder().encode(text));
    return own !== undefined && other !== undefined && own.length === other.length &&
      timingSafeEqual(own, other);
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
