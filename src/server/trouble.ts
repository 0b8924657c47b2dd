/**
 * What goes wrong where connections are accepted. An error of accept(2) belongs to one connection, which is
 * gone then and costs nobody else any time, or to the system, which gets a pause: it may have no descriptor
 * or no memory left.
 */

import type { Event } from "../report/event.ts";

/** How long to wait when the system cannot take a connection now. */
export const PAUSE_MS = 100;
/**
 * Connections that are taken one right after the other. Those in the backlog are there at once, and
 * while it is refilled as fast as it is emptied nobody else would get a turn.
 */
export const MOST_AT_ONCE = 32;

/** Called when the system cannot take connections, and, with null, when it can again. */
export type Troubled = (reason: string | null) => void;

/** Whether the system can take connections now; each change is reported. */
export class AcceptTrouble {
  #is = false;

  constructor(private readonly troubled: Troubled) {}

  set(reason: string | null): void {
    const isNews = (reason !== null) !== this.#is;
    this.#is = reason !== null;
    if (isNews) this.troubled(reason);
  }
}

export function troubleEvent(address: string, reason: string | null): Event {
  return reason === null
    ? { type: "listener.recovered", address }
    : { type: "listener.troubled", address, reason };
}

/**
 * What accept(2) passes on from a connection that broke while it waited, and what its address says
 * when it has none any more; EPERM is a firewall's. ENOTCONN is the usual one: the peer has reset it.
 */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EINTR",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "ENOTCONN",
  "EOPNOTSUPP",
  "EPERM",
  "EPIPE",
  "EPROTO",
  "ETIMEDOUT",
]);

const { ConnectionAborted, ConnectionReset, NotConnected } = Deno.errors;

/** Whether an error of accept is over with its connection; every other is the system's. */
export function isOfOneConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && typeof error.code === "string") return OF_ONE_CONNECTION.has(error.code);
  return [ConnectionAborted, ConnectionReset, NotConnected].some((kind) => error instanceof kind);
}
