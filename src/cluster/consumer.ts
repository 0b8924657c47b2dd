/** The consumers of a stream: all workers of the cluster share one, or one for each function. */

import { NANOSECONDS, type NatsLink } from "../nats/link.ts";
import { functionToken } from "../nats/subject.ts";

export interface ConsumerWish {
  readonly functions: readonly string[] | null;
  /** Whoever says nothing for so long loses the message. */
  readonly ackWaitMs: number;
}

const ALL = "spooler";
/** err_code of a consumer that is there with other settings. */
const EXISTS = 10148;

/**
 * Makes them where they are missing, and gives them this ack-wait.
 *
 * @returns their names
 * @throws {Error} when the stream refuses: others take the same functions by another consumer
 */
export async function openConsumers(link: NatsLink, wish: ConsumerWish): Promise<string[]> {
  const { manager, library, address: { stream } } = link;
  const tokens = wish.functions?.map((func) => functionToken(func)) ?? [null];
  for (const token of tokens) {
    const name = nameOf(token);
    const config = {
      durable_name: name,
      ack_policy: library.AckPolicy.Explicit,
      ack_wait: wish.ackWaitMs * NANOSECONDS,
      // What is put off counts, and settle alone decides when a task has failed for good.
      max_ack_pending: -1,
      max_deliver: -1,
      ...(token === null ? {} : { filter_subject: `${stream}.${token}` }),
    };
    try {
      await manager.consumers.add(stream, config);
    } catch (error) {
      const hasOtherWait = error instanceof library.JetStreamApiError && error.code === EXISTS;
      if (!hasOtherWait) throw error;
      await manager.consumers.update(stream, name, config);
    }
  }
  return tokens.map(nameOf);
}

function nameOf(token: string | null): string {
  return token === null ? ALL : `${ALL}-${token}`;
}
