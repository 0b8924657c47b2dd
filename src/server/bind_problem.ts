/** Why a socket cannot be listened on, for the person who wrote its line. */

import { type LockHolder, tcpHolder, unixHolder } from "../platform/holder.ts";
import type { Problem } from "../platform/problem.ts";
import { reasonOf } from "../platform/reason.ts";
import { addressText } from "../wire/address.ts";
import { NotASocketError } from "./stale_socket.ts";
import type { ListenerConfig } from "./settings.ts";

export interface BindProblem extends Problem {
  /** The message, without the address. */
  readonly reason: string;
  /** Who has the address; null when no process has, or /proc does not say. */
  readonly holder: LockHolder | null;
}

export function bindProblem({ address, place }: ListenerConfig, error: unknown): BindProblem {
  const isUsed = error instanceof Deno.errors.AddrInUse;
  // A port below 1024 is forbidden to a user before it is found to be in use.
  const mayBeHeld = isUsed || error instanceof Deno.errors.PermissionDenied;
  const holder = !mayBeHeld
    ? null
    : address.kind === "tcp"
    ? tcpHolder(address.port)
    : unixHolder(address.path);
  const reason = isUsed ? usedText(error, holder) : whyText(error);
  return { place, message: `socket ${addressText(address)}: ${reason}`, holder, reason };
}

function usedText(error: Error, holder: LockHolder | null): string {
  if (error instanceof NotASocketError) return "a file that is not a socket is in the way";
  if (holder === null) return "in use by another program";
  const name = holder.isOurs ? "a running spooler" : holder.name;
  return `in use by ${name} (pid ${holder.pid})`;
}

function whyText(error: unknown): string {
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine does not have that address";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE; " +
      "a socket file needs a directory that this user may write to)";
  }
  return reasonOf(error);
}
