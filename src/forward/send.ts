/**
 * Sends one task to a peer, once, with what a uWSGI does not know: a body, a signature, or both.
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
}

/** @throws {Error} when the peer cannot be reached, or is not this program */
export async function sendDelivery(
  delivery: Delivery,
  options: SendOptions,
): Promise<DeliveryResult> {
  const { address, tls, secret, timeoutMs, clock } = options;
  const socket = await dial({ address, ...(tls ? { tls } : {}), timeoutMs, clock });
  const peer = await greet(socket, { clock, timeoutMs, secret });
  if (peer === null) throw new Error("it closed the connection at a ping: it accepts no bodies");
  if (peer.kind !== "spooler") {
    socket.close();
    throw new Error("it is a uWSGI, which accepts neither bodies nor signatures");
  }
  const connection = new ClientConnection({
    ...{ socket, peer, secret, timeoutMs, clock, window: 1, idleMs: timeoutMs },
    stamp: () => clock.now(),
    ended: () => {},
    room: () => {},
  });
  try {
    return await connection.send(delivery);
  } finally {
    connection.close();
  }
}
