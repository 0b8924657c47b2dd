/** Who is let in: those who may talk, as long as there is room. */

import { REFUSED } from "../wire/answer.ts";
import { isInNetwork, type Network } from "../wire/network.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Connections } from "./connections.ts";
import type { Carrier, ConversationOptions } from "./conversation.ts";
import type { ReceptionConfig } from "./settings.ts";
import type { PeerIdentity } from "./transport.ts";

/** A connection that was accepted, and of which nothing was read. */
export interface AcceptedConnection extends Carrier {
  readonly peer: PeerIdentity;
  /** Ends it with this answer. */
  turnAway(answer: Uint8Array<ArrayBuffer>): void;
}

export interface AdmissionOptions extends ConversationOptions {
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

/** How those are served that were let in. */
export interface Host<T extends AcceptedConnection> {
  hasRoom(): boolean;
  /** @param via the socket that it came to */
  serve(accepted: T, via: unknown): void;
}

/** @param via the socket that it came to */
export function letIn<T extends AcceptedConnection>(
  accepted: T,
  { allow, refused }: Pick<AdmissionOptions, "allow" | "refused">,
  host: Host<T>,
  via: unknown,
): void {
  const { ip, from } = accepted.peer;
  const refusal = !isAllowed(ip, allow)
    ? new RefusalError("denied", "not in spooler-allow")
    : host.hasRoom()
    ? null
    : new RefusalError("crowded", NO_ROOM, true);
  if (refusal === null) return host.serve(accepted, via);
  refused(from, refusal);
  accepted.turnAway(REFUSED);
}

const NO_ROOM = "every connection is busy, and there may be no more (spooler-max-connections)";
