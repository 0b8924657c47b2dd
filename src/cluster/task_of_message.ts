/** From a message of a stream to the task that it is. */

import type { NatsLink } from "../nats/link.ts";
import { BODY_HEADER } from "../nats/headers.ts";
import { packetIn } from "./message_packet.ts";
import type { PulledMessage } from "./pulled_message.ts";
import type { NewTask } from "../task/new_task.ts";
import { readRequest } from "../task/request.ts";
import { RefusalError } from "../wire/refusal.ts";

export type MessageTask =
  | { readonly kind: "task"; readonly task: NewTask }
  /** Nobody can ever run it. */
  | { readonly kind: "damaged"; readonly reason: string };

/** The name of its body in the object store; null when it is in the message. */
export function storedBodyOf(message: PulledMessage): string | null {
  return message.header(BODY_HEADER) || null;
}

/** @throws {Error} when its body cannot be read now */
export async function taskOf(link: NatsLink, message: PulledMessage): Promise<MessageTask> {
  const { data } = message;
  const storedBody = storedBodyOf(message);
  try {
    const packet = packetIn(data);
    if (packet.kind === "unreadable") return { kind: "damaged", reason: packet.reason };
    const { task } = readRequest(packet.vars);
    if (storedBody === null) {
      const { body } = packet;
      return { kind: "task", task: body.length === 0 ? task : { ...task, body } };
    }
    const stored = await (await link.bodies()).get(storedBody);
    if (stored === null) {
      return { kind: "damaged", reason: "its body is not in the object store" };
    }
    // The library leaves its stream open when the connection breaks.
    const body = stored.data.pipeThrough(new TransformStream(), { signal: link.signal });
    return { kind: "task", task: { ...task, body, bodySize: stored.info.size } };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return { kind: "damaged", reason: error.message };
  }
}
