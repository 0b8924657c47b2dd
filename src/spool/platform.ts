/** What this machine has for spools: its libc, and claims that other processes see, or not. */

import { type Libc, loadLibc } from "../platform/libc.ts";
import { type Claims, PosixClaims } from "./claim.ts";
import { PrivateClaims } from "./private_claims.ts";

export interface Platform {
  readonly libc: Libc | null;
  readonly claims: Claims;
  /** Why there is no libc; absent when there is. */
  readonly unavailable?: string;
}

export function openPlatform(): Platform {
  const libc = loadLibc();
  return "unavailable" in libc
    ? { libc: null, claims: new PrivateClaims(), ...libc }
    : { libc, claims: new PosixClaims(libc) };
}
