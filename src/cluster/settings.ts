/** What an ini says of a stream whose tasks run here, and of jobs that machines share. Types only. @pure */

import type { NatsAccess, StreamAddress } from "../nats/settings.ts";
import type { Place } from "../platform/problem.ts";
import type { SpoolConfig } from "../queue/settings.ts";

/** `spooler-stream` */
export interface StreamWorkConfig {
  readonly address: StreamAddress;
  readonly access: NatsAccess;
  /** Whoever says nothing of a task for so long loses it. */
  readonly ackWaitMs: number;
  /** The only functions that run here; null is all. */
  readonly functions: readonly string[] | null;
  /** The directory of leases, and the work on it. */
  readonly spool: SpoolConfig;
  readonly place: Place;
}

/** Where the machines of a cluster agree on which of them runs a job. */
export interface ClusterConfig {
  readonly address: StreamAddress;
  readonly access: NatsAccess;
}
