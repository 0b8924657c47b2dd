/**
 * Sends one task to a peer, once, with what a uWSGI does not know: a body, a signature, or both.
 */

import type { Clock } from "../platform/clock.ts";
import type { Address } from "../wire/address.ts";
import { type ClientTls, dial } from "../wire/dial.ts";
import { Connection, type Delivered, greet } from "./connection.ts";
import type { Parcel } from "./parcel.ts";

export interface SendOptions {
  readonly address: Address;
  readonly tls?: ClientTls;
  readonly secret: string | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** @throws {Error} when the peer cannot be reached, or is none of ours */
export async function sendParcel(parcel: Parcel, options: SendOptions): Promise<Delivered> {
  const { address, tls, secret, timeoutMs, clock } = options;
  const socket = await dial({ address, ...(tls ? { tls } : {}), timeoutMs });
  let peer;
  try {
    const greeting = await greet(socket, { clock, timeoutMs });
    if (greeting.kind === "silent") throw new Error("it hung up at a ping: it takes no bodies");
    peer = greeting.peer;
    if (peer.kind !== "ours") {
      throw new Error("it is a uWSGI, which takes neither bodies nor signatures");
    }
  } catch (error) {
    try {
      socket.close();
    } catch {
      // It was closed when the time was over.
    }
    throw error;
  }
  const connection = new Connection({
    ...{ socket, peer, secret, timeoutMs, clock, window: 1, idleMs: timeoutMs },
    stamp: () => clock.now(),
    ended: () => {},
    room: () => {},
  });
  try {
    return await connection.send(parcel);
  } finally {
    connection.close();
  }
}
