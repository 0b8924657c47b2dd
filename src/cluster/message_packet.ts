/** The packet of a message, and the body behind it. @pure */

import {
  decodeHeader,
  decodeVars,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  type Var,
} from "../wire/packet.ts";

export type MessagePacket =
  | { readonly kind: "task"; readonly vars: readonly Var[]; readonly body: Uint8Array }
  | { readonly kind: "unreadable"; readonly reason: string };

export function packetIn(data: Uint8Array): MessagePacket {
  try {
    const { modifier1, size } = decodeHeader(data);
    const end = HEADER_SIZE + size;
    if (modifier1 !== MODIFIER_SPOOL || end > data.length) {
      return { kind: "unreadable", reason: "its message is no task" };
    }
    const vars = decodeVars(data.subarray(HEADER_SIZE, end));
    return { kind: "task", vars, body: data.subarray(end) };
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return { kind: "unreadable", reason: error.message };
  }
}
