/**
 * What the servers say of a stream that should be empty and is not: its state, its consumers, who works,
 * and the messages that are left, for whoever has to find out why.
 */

import type { ConsumerInfo } from "@nats-io/jetstream";
import { packetIn } from "../../src/cluster/message_packet.ts";
import { callRoll } from "../../src/cluster/roll_call.ts";
import { MESSAGE_ID } from "../../src/nats/headers.ts";
import type { NatsLink } from "../../src/nats/link.ts";
import { messagesOf, type StreamMessage } from "../../src/nats/messages.ts";
import { findText } from "../../src/wire/packet.ts";

/** Lines of messages at most. */
const MOST = 40;

/** @param isRun whether the task with this number has run */
export async function whatIsLeft(
  link: NatsLink,
  stream: string,
  isRun: (n: number) => boolean,
): Promise<string> {
  const { manager } = link;
  const consumers = await manager.consumers.list(stream).next();
  const { state, cluster } = await manager.streams.info(stream);
  const workers = await callRoll(link);
  const lines = [
    `${stream}: ${state.messages} messages, ${state.first_seq} to ${state.last_seq} at ${state.last_ts}, led by ${cluster?.leader}`,
    ...consumers.map(consumerText),
    ...workers.map(({ pid, paused, held }) =>
      `worker ${pid}${paused ? ", paused," : ""} holds ${held.length}: ${held.slice(0, MOST)}`
    ),
  ];
  let count = 0;
  for await (const message of messagesOf(link, stream)) {
    if (++count > MOST) break;
    lines.push(messageText(message, consumers, isRun));
  }
  return lines.join("\n");
}

function consumerText(info: ConsumerInfo): string {
  const { name, created, delivered, ack_floor: floor, cluster } = info;
  return [
    `consumer ${name}: made ${created}, led by ${cluster?.leader}`,
    `delivered ${delivered.stream_seq} (${delivered.consumer_seq}) at ${delivered.last_active}`,
    `all up to ${floor.stream_seq} (${floor.consumer_seq}) acknowledged at ${floor.last_active}`,
    `${info.num_ack_pending} unacknowledged, ${info.num_redelivered} delivered again`,
    `${info.num_pending} to come, ${info.num_waiting} requests wait`,
  ].join(", ");
}

function messageText(
  { sequence, subject, storedAt, data, header }: StreamMessage,
  consumers: readonly ConsumerInfo[],
  isRun: (n: number) => boolean,
): string {
  const packet = packetIn(data);
  const n = packet.kind === "task" ? findText(packet.vars, "n") : undefined;
  const isUrgent = subject.includes(".priority.");
  const own = consumers.find(({ name }) => name.includes("priority") === isUrgent);
  const isPast = own !== undefined && sequence <= own.ack_floor.stream_seq;
  return [
    `message ${sequence} (${header(MESSAGE_ID)}), stored ${new Date(storedAt).toISOString()}`,
    `task ${n}, which has ${isRun(Number(n)) ? "" : "not "}run`,
    `${isPast ? "acknowledged for" : "to be acknowledged for"} its consumer`,
  ].join(", ");
}
