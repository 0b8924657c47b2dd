/** From a message of a stream to the task that it is. */

import type { NatsLink } from "../nats/link.ts";
import { BODY_HEADER } from "../nats/publish.ts";
import type { PulledMessage } from "./pulled_message.ts";
import type { NewTask } from "../task/new_task.ts";
import { readRequest } from "../task/request.ts";
import {
  decodeHeader,
  decodeVars,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
} from "../wire/packet.ts";
import { RefusalError } from "../wire/refusal.ts";

export type MessageTask =
  & { readonly storedBody: string | null }
  & (
    | { readonly kind: "task"; readonly task: NewTask }
    /** Nobody can ever run it. */
    | { readonly kind: "damaged"; readonly reason: string }
  );

/** @throws {Error} when its body cannot be read now */
export async function taskOf(link: NatsLink, message: PulledMessage): Promise<MessageTask> {
  const { data } = message;
  const storedBody = message.header(BODY_HEADER) || null;
  try {
    const { modifier1, size } = decodeHeader(data);
    const end = HEADER_SIZE + size;
    if (modifier1 !== MODIFIER_SPOOL || end > data.length) {
      return { kind: "damaged", storedBody, reason: "its message is no task" };
    }
    const { task } = readRequest(decodeVars(data.subarray(HEADER_SIZE, end)));
    if (storedBody === null) {
      const body = data.subarray(end);
      return { kind: "task", storedBody, task: body.length === 0 ? task : { ...task, body } };
    }
    const stored = await (await link.bodies()).get(storedBody);
    if (stored === null) {
      return { kind: "damaged", storedBody, reason: "its body is not in the object store" };
    }
    return {
      kind: "task",
      storedBody,
      task: { ...task, body: stored.data, bodySize: stored.info.size },
    };
  } catch (error) {
    if (!(error instanceof PacketError) && !(error instanceof RefusalError)) throw error;
    return { kind: "damaged", storedBody, reason: error.message };
  }
}
