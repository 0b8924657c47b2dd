/** Who is let in: those who may talk, as long as there is room. */

import { REFUSED } from "../wire/answer.ts";
import { isInNetwork, type Network } from "../wire/network.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Connections, MakeTransport, SharedOptions } from "./connections.ts";
import type { ReceptionConfig } from "./settings.ts";
import type { PeerIdentity } from "./transport.ts";

/** A connection that was accepted, and of which nothing was read. */
export interface AcceptedConnection {
  readonly peer: PeerIdentity;
  readonly makeTransport: MakeTransport;
  /** Ends it with this answer. */
  turnAway(answer: Uint8Array<ArrayBuffer>): void;
}

export interface AdmissionOptions extends SharedOptions {
  readonly connections: Connections;
  /** Who may connect by IP; null is everybody. Unix sockets have permissions instead. */
  readonly allow: readonly Network[] | null;
}

/** Who may connect, as {@link AdmissionOptions} has it. */
export function allowedBy({ allow }: ReceptionConfig): readonly Network[] | null {
  return allow === "any" ? null : allow;
}

export function isAllowed(ip: string | null, allow: readonly Network[] | null): boolean {
  return ip === null || allow === null || allow.some((network) => isInNetwork(ip, network));
}

/** @param via the socket that it came to */
export function letIn(accepted: AcceptedConnection, options: AdmissionOptions, via: unknown): void {
  const { allow, connections, refused } = options;
  const { ip, from } = accepted.peer;
  const turnAway = (refusal: RefusalError) => {
    refused(from, refusal);
    accepted.turnAway(REFUSED);
  };
  if (!isAllowed(ip, allow)) return turnAway(new RefusalError("denied", "not in spooler-allow"));
  if (!connections.serve(options, accepted.makeTransport, via)) {
    const message = "every connection is busy, and there may be no more (spooler-max-connections)";
    turnAway(new RefusalError("crowded", message, true));
  }
}
