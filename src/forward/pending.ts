/**
 * The tasks of a target that no connection has, in the order in which they came.
 *
 * @pure
 */

import type { Delivery } from "./delivery.ts";
import type { DeliveryResult } from "./outstanding.ts";

export interface Queued {
  readonly delivery: Delivery;
  /** Its place in the order. */
  readonly number: number;
  /** When it was given to a connection, on the monotonic clock; 0 before. */
  sentAt: number;
  /** It came back from a connection once, and is tried a second time. */
  secondTry: boolean;
  settle(result: DeliveryResult): void;
}

export class PendingTasks {
  #tasks: Queued[] = [];
  #count = 0;

  get size(): number {
    return this.#tasks.length;
  }

  /** A task that is new. It still has to be put in. */
  make(delivery: Delivery, settle: Queued["settle"]): Queued {
    return { delivery, number: ++this.#count, sentAt: 0, secondTry: false, settle };
  }

  /** At its place in the order. */
  put(queued: Queued): void {
    const at = this.#tasks.findLastIndex(({ number }) => number < queued.number);
    this.#tasks.splice(at + 1, 0, queued);
  }

  takeFirst(): Queued | undefined {
    return this.#tasks.shift();
  }

  takeAll(): Queued[] {
    return this.#tasks.splice(0);
  }
}
