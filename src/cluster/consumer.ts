/** The consumers of a stream: all workers of the cluster share one, or one for each function. */

import { NANOSECONDS, type NatsLink } from "../nats/link.ts";
import { functionToken } from "../nats/subject.ts";

export interface ConsumerWish {
  readonly functions: readonly string[] | null;
  /** Whoever says nothing for so long loses the message. */
  readonly ackWaitMs: number;
}

const ALL = "spooler";

/**
 * Makes them where they are missing.
 *
 * @returns their names
 * @throws {Error} when the stream refuses: others take the same functions by another consumer
 */
export async function openConsumers(link: NatsLink, wish: ConsumerWish): Promise<string[]> {
  const { manager, library, address: { stream } } = link;
  const tokens = wish.functions?.map((func) => functionToken(func)) ?? [null];
  for (const token of tokens) {
    await manager.consumers.add(stream, {
      durable_name: nameOf(token),
      ack_policy: library.AckPolicy.Explicit,
      ack_wait: wish.ackWaitMs * NANOSECONDS,
      // What is put off counts, and settle alone decides when a task has failed for good.
      max_ack_pending: -1,
      max_deliver: -1,
      ...(token === null ? {} : { filter_subject: `${stream}.${token}` }),
    });
  }
  return tokens.map(nameOf);
}

function nameOf(token: string | null): string {
  return token === null ? ALL : `${ALL}-${token}`;
}
