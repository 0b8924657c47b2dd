/**
 * Sends tasks to a peer, once, with what a uWSGI does not know: bodies, signatures, and many on one
 * connection.
 */

import type { Clock } from "../platform/clock.ts";
import type { Address } from "../wire/address.ts";
import { type ClientTls, dial } from "../wire/dial.ts";
import { ClientConnection } from "./client_connection.ts";
import type { Delivery } from "./delivery.ts";
import { greet } from "./greeting.ts";
import type { DeliveryResult } from "./outstanding.ts";

export interface SendOptions {
  readonly address: Address;
  readonly tls?: ClientTls;
  readonly secret: string | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called for each task that has its answer, or that will have none. */
  answered?(): void;
}

/**
 * @returns how each fared; null when the peer is a uWSGI, or hangs up at a ping
 * @throws {Error} when it cannot be reached
 */
export async function sendDeliveries(
  deliveries: readonly Delivery[],
  options: SendOptions,
): Promise<DeliveryResult[] | null> {
  const { address, tls, secret, timeoutMs, clock, answered } = options;
  const socket = await dial({ address, ...(tls ? { tls } : {}), timeoutMs, clock });
  const peer = await greet(socket, { clock, timeoutMs, secret });
  if (peer === null) return null;
  if (peer.kind !== "spooler") {
    socket.close();
    return null;
  }
  let stamp = 0;
  const connection = new ClientConnection({
    ...{ socket, peer, secret, timeoutMs, clock, window: deliveries.length, idleMs: timeoutMs },
    stamp: () => stamp = Math.max(clock.now(), stamp + MICROSECOND_MS),
    ended: () => {},
    room: () => {},
  });
  try {
    return await Promise.all(deliveries.map(async (delivery) => {
      const result = await connection.send(delivery);
      answered?.();
      return result;
    }));
  } finally {
    connection.close();
  }
}

/** No two signatures of a sender are of the same time. */
const MICROSECOND_MS = 0.001;
