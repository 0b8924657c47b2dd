/**
 * The consumers of a stream, which all workers of the cluster share: one for tasks with a priority and one
 * for the others, or both for each function.
 */

import { NANOSECONDS, type NatsLink } from "../nats/link.ts";
import { functionToken, subjectsOf } from "../nats/subject.ts";

export interface ConsumerWish {
  readonly functions: readonly string[] | null;
  /** Whoever says nothing for so long loses the message. */
  readonly ackWaitMs: number;
}

export interface StreamConsumer {
  readonly name: string;
  /** Of tasks with a priority. */
  readonly isUrgent: boolean;
}

const OTHERS = "spooler";
const URGENT = "spooler_priority";
/** err_code of a consumer that is there with other settings. */
const EXISTS = 10148;

/**
 * Makes them where they are missing, and gives them this ack-wait.
 *
 * @returns those of tasks with a priority first
 * @throws {Error} when the stream refuses: others take the same functions by another consumer
 */
export async function openConsumers(
  link: NatsLink,
  { functions, ackWaitMs }: ConsumerWish,
): Promise<StreamConsumer[]> {
  const { stream } = link.address;
  const tokens = functions?.map((func) => functionToken(func)) ?? [null];
  const opened: StreamConsumer[] = [];
  for (const isUrgent of [true, false]) {
    for (const token of tokens) {
      const name = (isUrgent ? URGENT : OTHERS) + (token === null ? "" : `-${token}`);
      const { urgent, others } = subjectsOf(stream, token);
      await openConsumer(link, { name, subject: isUrgent ? urgent : others, ackWaitMs });
      opened.push({ name, isUrgent });
    }
  }
  return opened;
}

async function openConsumer(
  { manager, library, address: { stream } }: NatsLink,
  { name, subject, ackWaitMs }: {
    readonly name: string;
    readonly subject: string;
    readonly ackWaitMs: number;
  },
): Promise<void> {
  const config = {
    durable_name: name,
    ack_policy: library.AckPolicy.Explicit,
    ack_wait: ackWaitMs * NANOSECONDS,
    // What is put off counts, and settle alone decides when a task has failed for good.
    max_ack_pending: -1,
    max_deliver: -1,
    filter_subject: subject,
  };
  try {
    await manager.consumers.add(stream, config);
  } catch (error) {
    const isOther = error instanceof library.JetStreamApiError && error.code === EXISTS;
    if (!isOther) throw error;
    await manager.consumers.update(stream, name, config);
  }
}
