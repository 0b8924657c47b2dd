/** What the ini says of sockets and of who may send tasks. @pure */

import type { Place } from "../platform/problem.ts";
import type { Address } from "../wire/address.ts";
import type { Network } from "../wire/network.ts";

/** PEM files. Absolute. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who must have signed a client's certificate; null asks clients for none. */
  readonly ca: string | null;
}

/** A socket on which tasks come in. */
export interface ListenerConfig {
  readonly address: Address;
  /** Null is without TLS. */
  readonly tls: TlsFiles | null;
  readonly place: Place;
}

/** `chown-socket`: names or numbers. */
export interface SocketOwnerWish {
  readonly user: string;
  readonly group: string | null;
  readonly place: Place;
}

/** What holds for every socket. */
export interface ReceptionConfig {
  /** Who may connect by IP; null when the ini does not say. */
  readonly allow: readonly Network[] | "any" | null;
  /** A task must be signed with one of them; none at all asks for no signature. */
  readonly secrets: readonly string[];
  /** What senders call this program in what they sign; null is a name of this run. */
  readonly name: string | null;
  /** Whether pickles are taken from anybody who may talk. */
  readonly pickles: "checked" | "trusted";
  /** What a sender that nobody vouches for may have run; null is everything. */
  readonly allowFunctions: readonly string[] | null;
  /** Permissions of unix socket files. */
  readonly socketMode: number;
  /** Who owns unix socket files; null is the program's own. */
  readonly socketOwner: SocketOwnerWish | null;
  /** Connections that the system keeps waiting. */
  readonly backlog: number;
  readonly timeoutMs: number;
  /** Bytes of a packet, its header not counted. */
  readonly maxVarsSize: number;
  readonly maxBodySize: number;
  /** The largest priority that a peer may give a task. */
  readonly maxPriority: number;
  /** Of all sockets together. */
  readonly maxConnections: number;
  /** How long the id of an accepted task is remembered. */
  readonly dedupWindowMs: number;
}

/** All of it. */
export interface ServerConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly reception: ReceptionConfig;
}

export interface ConnectionLimits {
  /** The largest packet, without its header. */
  readonly maxVarsSize: number;
  readonly maxBodySize: number;
  /** A packet must be whole, and a piece of a body or an answer on its way, in this time. */
  readonly timeoutMs: number;
}
