/** What the ini says of forwarding. @pure */

import type { Place } from "../platform/problem.ts";
import type { NatsAccess, StreamAddress } from "../nats/settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import type { Address } from "../wire/address.ts";
import type { ClientTls } from "../wire/dial.ts";

/** What a target is; auto finds out by a ping. */
export type TargetKind = "auto" | "spooler" | "uwsgi";

/** Where tasks are forwarded to. */
export type ForwardTarget = PeerTarget | StreamTargetConfig;

export interface PeerTarget {
  readonly protocol: "uwsgi";
  /** As the ini has it, for people. */
  readonly text: string;
  /** Values of a task's `spooler` that mean it. */
  readonly names: readonly string[];
  readonly address: Address;
  readonly tls: boolean;
  readonly kind: TargetKind;
  /** Its `spooler-name`, for which alone tasks are signed; null is what its ping reply says. */
  readonly receiver: string | null;
}

/** A stream of NATS. */
export interface StreamTargetConfig {
  readonly protocol: "nats";
  /** As the ini has it, for people. */
  readonly text: string;
  /** Values of a task's `spooler` that mean it. */
  readonly names: readonly string[];
  readonly address: StreamAddress;
  readonly access: NatsAccess;
}

/** A spool whose tasks are delivered to a peer, or to a stream. */
export interface ForwardConfig {
  readonly spool: SpoolConfig;
  /** One or more, in order. */
  readonly targets: readonly ForwardTarget[];
  /** Failover: the first that takes tasks gets all; balance: all get their share. */
  readonly policy: "failover" | "balance";
  /** To each target at the same time, at most. */
  readonly connections: number;
  /** Signs every delivery to a peer; null is no signature. */
  readonly secret: string | null;
  /** For the targets with TLS. */
  readonly tls: ClientTls;
  /** A target that makes no progress for so long counts as dead. */
  readonly timeoutMs: number;
  readonly place: Place;
}
