/**
 * The tasks of one connection that have no answer yet, in the order in which they go out.
 *
 * @pure
 */

import type { Signed } from "../wire/signature.ts";
import type { Delivery } from "./delivery.ts";
import type { PeerAnswer } from "../wire/peer.ts";

/** How a delivery fared. */
export type DeliveryResult =
  | PeerAnswer
  /** It cannot be sent to this peer at all, but perhaps to another. */
  | { readonly kind: "unfit"; readonly reason: string }
  /** It cannot be sent at all until something about the task or the peer's limits is changed. */
  | { readonly kind: "invalid"; readonly reason: string }
  /** A uWSGI hung up at it, perhaps because its packet is larger than a uWSGI's buffer. */
  | { readonly kind: "oversized"; readonly reason: string }
  | LostDelivery;

export interface LostDelivery {
  readonly kind: "lost";
  readonly reason: string;
  /** It was the one that the peer had to answer when the connection broke. */
  readonly first: boolean;
}

export interface Outstanding {
  readonly delivery: Delivery;
  state: "waiting" | "begun" | "sent";
  /** Of its packet, when that was made. */
  size: number;
  /** Over which the peer must sign its answer; null when it need not. */
  signed: Signed | null;
  settle(result: DeliveryResult): void;
}

export class OutstandingTasks {
  readonly #tasks: Outstanding[] = [];
  /** How many of them, from the first on, are begun or sent. */
  #begun = 0;
  /** How many of them have a body that is not sent. */
  #bodies = 0;

  get size(): number {
    return this.#tasks.length;
  }

  /** Whether a body is still to be sent. */
  get hasBody(): boolean {
    return this.#bodies > 0;
  }

  /** The one that the peer answers next; undefined when it was sent nothing. */
  get first(): Outstanding | undefined {
    return this.#begun > 0 ? this.#tasks[0] : undefined;
  }

  /** Those of which no byte was sent, in order. */
  unsent(): Outstanding[] {
    return this.#tasks.slice(this.#begun);
  }

  add(delivery: Delivery, settle: Outstanding["settle"]): void {
    this.#tasks.push({ delivery, state: "waiting", size: 0, signed: null, settle });
    if (delivery.bodySize > 0) this.#bodies++;
  }

  /** The first that is unsent: its first byte goes out now. */
  begin(task: Outstanding): void {
    task.state = "begun";
    this.#begun++;
  }

  sent(task: Outstanding): void {
    task.state = "sent";
    if (task.delivery.bodySize > 0) this.#bodies--;
  }

  /** Takes one out; false when it is not there any more. */
  remove(task: Outstanding): boolean {
    const at = this.#tasks.indexOf(task);
    if (at === -1) return false;
    this.#tasks.splice(at, 1);
    if (task.state !== "waiting") this.#begun--;
    if (task.state !== "sent" && task.delivery.bodySize > 0) this.#bodies--;
    return true;
  }

  /** Takes all of them out, those of which a byte was sent first. */
  removeAll(): Outstanding[] {
    this.#begun = this.#bodies = 0;
    return this.#tasks.splice(0);
  }
}
