/**
 * A task on its way: its id, and the packet it becomes for a peer.
 *
 * What is sent is the task's own vars, with two exceptions: a `spooler` that names this very forward has
 * done its work and is left out (the peer would refuse it), and a priority that only the directory
 * knows is added.
 *
 * @pure
 */

import { createHash } from "node:crypto";
import { joined } from "../platform/bytes.ts";
import { nameToBytes } from "../platform/name.ts";
import { slotOfId } from "../schedule/slot_id.ts";
import type { ClaimedTask } from "../spool/store.ts";
import {
  findText,
  findVar,
  HEADER_SIZE,
  KEEP_OPEN,
  MAX_VARS_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  sameBytes,
  textVar,
  type Var,
  varText,
  WITH_BODY,
  writePacket,
} from "../wire/packet.ts";
import {
  deliveryVars,
  LONGEST_ID,
  ONCE_VAR,
  type Signed,
  withoutReserved,
} from "../wire/signature.ts";
import { signedOf } from "../wire/signed_answer.ts";
import { BODY_LENGTH_SIZE, encodeBodySize } from "../wire/reader.ts";
import type { Peer } from "../wire/peer.ts";

/** What of a task is needed to send it. */
export type Sendable = Pick<ClaimedTask, "name" | "priority" | "vars" | "bodySize" | "readBody">;

export interface Delivery {
  readonly id: string;
  /** See Publishable. */
  readonly slot?: string | null;
  readonly vars: readonly Var[];
  readonly bodySize: number;
  readBody(into: Uint8Array<ArrayBuffer>, offset: number): number;
}

export interface Sender {
  /** Of the spool: a name that no other has. */
  readonly identity: string;
  /** Values of `spooler` that mean this forward. */
  readonly names: readonly string[];
}

const encoder = new TextEncoder();
const SPOOLER = encoder.encode("spooler");
const NEWLINE = encoder.encode("\n");

export function deliveryOf(task: Sendable, sender: Sender): Delivery {
  const isOurName = ({ name, value }: Var) =>
    sameBytes(name, SPOOLER) && sender.names.includes(varText(value));
  const own = withoutReserved(task.vars).filter((v) => !isOurName(v));
  const needsPriority = task.priority !== null && findVar(own, "priority") === undefined;
  return {
    id: deliveryId(task, sender),
    slot: slotOf(task),
    vars: needsPriority ? [...own, textVar("priority", String(Number(task.priority)))] : own,
    bodySize: task.bodySize,
    readBody: task.readBody,
  };
}

function slotOf({ vars }: Sendable): string | null {
  const slot = findText(vars, ONCE_VAR);
  return slot === undefined || Number.isNaN(slotOfId(slot)) ? null : slot;
}

const HASH_LENGTH = 24;

/**
 * The same for every delivery of a task, and for no other task: the file's name, for people, and a hash
 * over the spool, this name and the task's vars. The machine's name is no part of it: a container may
 * have another one each time.
 */
export function deliveryId({ name, vars }: Sendable, { identity }: Sender): string {
  const parts = [encoder.encode(`${identity}\n`), bytesOf(name), NEWLINE];
  for (const v of vars) parts.push(v.name, NEWLINE, v.value, NEWLINE);
  // At once: each call of the hash costs as much as some hundred bytes.
  const digest = createHash("sha256").update(joined(parts)).digest("hex").slice(0, HASH_LENGTH);
  const readable = name.replaceAll(/[^\x21-\x7e]/g, "_");
  return `${readable.slice(0, LONGEST_ID - HASH_LENGTH - 1)}:${digest}`;
}

/** Of a name as it is on disk: as a text, those that are no UTF-8 would all be hashed alike. */
function bytesOf(name: string): Uint8Array {
  const bytes = new Uint8Array(3 * name.length);
  return bytes.subarray(0, nameToBytes(name, bytes));
}

export interface Sending {
  readonly peer: Peer;
  /** Signs what goes to a peer that has said for whom. */
  readonly secret: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Hex; needed when there are a body, a secret and a peer that checks signatures. */
  readonly bodySha256?: string;
}

/** The largest packet, with the length of a body. */
export const LARGEST_PACKET = HEADER_SIZE + MAX_VARS_SIZE + BODY_LENGTH_SIZE;

/** A packet that was written. */
export interface WrittenDelivery {
  /** Where it ends. */
  readonly end: number;
  /** Over which the answer must be signed; null when nothing is. */
  readonly signed: Signed | null;
}

/**
 * Writes the packet for a peer into `into`, from `at` on: header, vars and, when there is a body, its
 * length. There must be room for {@link LARGEST_PACKET}.
 *
 * @throws {PacketError} when what is added to the vars leaves no room for them
 */
export function writeDelivery(
  delivery: Delivery,
  sending: Sending,
  into: Uint8Array,
  at: number,
): WrittenDelivery {
  const { peer, secret } = sending;
  const hasBody = delivery.bodySize > 0;
  const modifier2 = peer.kind === "spooler"
    ? (peer.keepAlive ? KEEP_OPEN : 0) | (hasBody ? WITH_BODY : 0)
    : 0;
  const modifiers = { modifier1: MODIFIER_SPOOL, modifier2 };
  try {
    const vars = varsFor(delivery, sending);
    const end = writePacket(vars, modifiers, into, at);
    const signed = secret === null ? null : signedOf(vars, secret);
    if (peer.kind !== "spooler" || !hasBody) return { end, signed };
    into.set(encodeBodySize(delivery.bodySize), end);
    return { end: end + BODY_LENGTH_SIZE, signed };
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    throw new PacketError(
      "its vars leave no room for what a delivery adds to them: all together have at most " +
        `${MAX_VARS_SIZE} bytes; put what is long into the body`,
    );
  }
}

function varsFor(
  { id, vars }: Delivery,
  { peer, secret, now, bodySha256 }: Sending,
): readonly Var[] {
  if (peer.kind === "uwsgi") {
    return peer.withIds ? deliveryVars(vars, { id, sentAt: now }, null) : vars;
  }
  const { receiver } = peer;
  const delivery = {
    ...{ id, sentAt: now },
    ...(receiver === null ? {} : { to: receiver }),
    ...(bodySha256 === undefined ? {} : { bodySha256 }),
  };
  return deliveryVars(vars, delivery, secret);
}
