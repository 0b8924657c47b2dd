/** A task as the packet that a peer gets of it. @pure */

import { createHash } from "node:crypto";
import {
  encodePacket,
  KEEP_OPEN,
  MODIFIER_SPOOL,
  type Var,
  WANTS_NAME,
  WITH_BODY,
} from "../wire/packet.ts";
import { encodeBodySize } from "../wire/reader.ts";
import { deliveryVars, type Signed } from "../wire/signature.ts";
import { signedOf } from "../wire/signed_answer.ts";

export interface PacketOptions {
  readonly id: string;
  readonly vars: readonly Var[];
  readonly body: Uint8Array;
  /** The peer's name, for which it is signed; null where nothing is signed. */
  readonly receiver: string | null;
  readonly secret: string | null;
  /** Milliseconds since the epoch, never the same twice. */
  readonly sentAt: number;
  /** The answer is to have the name of the task. */
  readonly wantsName: boolean;
}

export interface DeliveryPacket {
  /** The packet, and the length of the body where there is one; the body comes behind it. */
  readonly head: Uint8Array;
  /** Over which the answer must be signed; null when nothing is. */
  readonly signed: Signed | null;
}

/** @throws {PacketError} when the vars do not fit into a packet */
export function deliveryPacket(options: PacketOptions): DeliveryPacket {
  const { id, vars, body, receiver, secret, sentAt, wantsName } = options;
  const hasBody = body.length > 0;
  const bodySha256 = hasBody && secret !== null
    ? createHash("sha256").update(body).digest("hex")
    : undefined;
  const claims = {
    ...{ id, sentAt },
    ...(receiver === null ? {} : { to: receiver }),
    ...(bodySha256 === undefined ? {} : { bodySha256 }),
  };
  const all = deliveryVars(vars, claims, secret);
  const flags = KEEP_OPEN | (hasBody ? WITH_BODY : 0) | (wantsName ? WANTS_NAME : 0);
  const packet = encodePacket(all, MODIFIER_SPOOL, flags);
  const signed = secret === null ? null : signedOf(all, secret);
  if (!hasBody) return { head: packet, signed };
  const size = encodeBodySize(body.length);
  const head = new Uint8Array(packet.length + size.length);
  head.set(packet);
  head.set(size, packet.length);
  return { head, signed };
}
