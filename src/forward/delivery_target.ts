/** Where a forwarder delivers to: a peer, or a stream. @pure */

import type { Delivery } from "./delivery.ts";
import type { Trouble } from "./health.ts";
import type { DeliveryResult } from "./outstanding.ts";

export interface DeliveryTarget {
  /** As the ini has it. */
  readonly name: string;
  /** Whether it accepted the last task, or refused it for a reason of the task's. */
  readonly isUp: boolean;
  /** Tasks that are neither settled nor given back. */
  readonly load: number;
  /** Tasks that it may have at the same time now. */
  readonly capacity: number;
  /** Why it takes no tasks; null when it does. */
  readonly trouble: Trouble | null;
  deliver(delivery: Delivery): Promise<DeliveryResult>;
  /** What is under way is given back. */
  close(): void;
}

/** Refusals in a row after which a target counts as one that refuses everything. */
export const REFUSALS = 3;
/** Why a target that is closed takes nothing. */
export const CLOSED = "the program is stopping";
