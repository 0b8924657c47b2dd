/**
 * Signed deliveries: the vars that one of ours adds to a task when it sends it to another, and how
 * the receiver checks them. The time and the secrets are arguments.
 *
 * `spooler_id` names the delivery, the same at each repetition, so that the receiver can accept it
 * once. `spooler_ts` is when it was sent. `spooler_sha256` is the hash of the body. `spooler_sig` is
 * the HMAC-SHA256 of exactly the bytes of the vars in front of it; it is always the last var.
 *
 * @pure
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import {
  encodePacket,
  findText,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  textVar,
  type Var,
  varText,
} from "./packet.ts";

export const ID_VAR = "spooler_id";
export const TIME_VAR = "spooler_ts";
export const BODY_HASH_VAR = "spooler_sha256";
export const SIGNATURE_VAR = "spooler_sig";

/** Vars that belong to the wire and never to a task: a sender replaces them, a receiver removes them. */
export const RESERVED_VARS: readonly string[] = [ID_VAR, TIME_VAR, BODY_HASH_VAR, SIGNATURE_VAR];

const FIRST_BYTE = "s".charCodeAt(0);

/** Bytes that an id may have. */
export const LONGEST_ID = 128;
/** A signature that is further from the receiver's clock, to either side, is stale. */
export const SIGNATURE_WINDOW_MS = 300_000;

/** Name, value and their two lengths, of the signature's var. */
const SIGNATURE_SIZE = 2 + SIGNATURE_VAR.length + 2 + 64;

export interface Delivery {
  /** 1 to {@link LONGEST_ID} printable ASCII characters, the same whenever this task is delivered. */
  readonly id: string;
  /**
   * Of this delivery, in milliseconds since the epoch; no two of a sender are less than a microsecond
   * apart, as the same time again would make the same signature, which a receiver takes for a replay.
   */
  readonly sentAt: number;
  /** Lower-case hex SHA-256 of the body; absent when there is none, or nothing is signed. */
  readonly bodySha256?: string;
}

/** What a receiver is told about a packet by its reserved vars. */
export type Verdict =
  | ({ readonly kind: "valid" } & Delivery)
  /** The reason is fit for the log and for the peer: no part of a secret is in it. */
  | { readonly kind: "invalid"; readonly reason: string };

export interface Verification {
  /** Any of them may have signed; several are for rotation. */
  readonly secrets: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A body follows the vars, whose hash must be among them. */
  readonly hasBody: boolean;
  /** Absent is {@link SIGNATURE_WINDOW_MS}. */
  readonly windowMs?: number;
}

export function isReserved({ name }: Var): boolean {
  // Nearly every name is told apart by its first byte, which is cheaper than to decode it.
  return name[0] === FIRST_BYTE && RESERVED_VARS.includes(varText(name));
}

/** The task's own vars: without those that belong to the wire. */
export function withoutReserved(vars: readonly Var[]): Var[] {
  return vars.filter((v) => !isReserved(v));
}

export function isDeliveryId(text: string): boolean {
  return text.length <= LONGEST_ID && /^[\x21-\x7e]+$/.test(text);
}

/**
 * The vars of a delivery: the task's own, then the reserved ones; signed when there is a secret.
 *
 * @throws {Error} when the id is none
 * @throws {PacketError} when there is a secret and they do not fit into a packet
 */
export function deliveryVars(
  task: readonly Var[],
  delivery: Delivery,
  secret: string | null,
): Var[] {
  const { id, sentAt, bodySha256 } = delivery;
  if (!isDeliveryId(id)) {
    throw new Error(`sign a delivery: an id has 1 to ${LONGEST_ID} printable characters: "${id}"`);
  }
  const vars = [
    ...withoutReserved(task),
    textVar(ID_VAR, id),
    textVar(TIME_VAR, (sentAt / 1000).toFixed(6)),
    ...(bodySha256 === undefined ? [] : [textVar(BODY_HASH_VAR, bodySha256)]),
  ];
  if (secret === null) return vars;
  const bytes = encodePacket(vars, MODIFIER_SPOOL).subarray(HEADER_SIZE);
  return [...vars, textVar(SIGNATURE_VAR, signatureOf(bytes, secret).toString("hex"))];
}

/**
 * Checks a signed packet.
 *
 * @param bytes the vars as they came, the header not among them
 * @param vars the same, taken apart
 */
export function verifyDelivery(
  bytes: Uint8Array,
  vars: readonly Var[],
  { secrets, now, hasBody, windowMs = SIGNATURE_WINDOW_MS }: Verification,
): Verdict {
  const invalid = (reason: string): Verdict => ({ kind: "invalid", reason });
  const last = vars.at(-1);
  if (last === undefined || varText(last.name) !== SIGNATURE_VAR) {
    const isElsewhere = vars.some(({ name }) => varText(name) === SIGNATURE_VAR);
    return invalid(
      isElsewhere ? `${SIGNATURE_VAR} must be the last var` : `it is not signed (${SIGNATURE_VAR})`,
    );
  }
  const given = varText(last.value);
  if (!/^[0-9a-f]{64}$/.test(given)) return invalid(`${SIGNATURE_VAR} is no HMAC-SHA256 in hex`);
  const signed = bytes.subarray(0, bytes.length - SIGNATURE_SIZE);
  const mac = new Uint8Array(given.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? []);
  // Every secret is tried, whichever fits: the time tells nothing.
  const fits = secrets.map((secret) => timingSafeEqual(signatureOf(signed, secret), mac));
  if (!fits.includes(true)) return invalid("the signature is wrong: not our secret, or altered");

  const id = findText(vars, ID_VAR);
  if (id === undefined || !isDeliveryId(id)) return invalid(`it is signed without a ${ID_VAR}`);
  const seconds = findText(vars, TIME_VAR) ?? "";
  if (!/^\d{1,12}(\.\d{1,9})?$/.test(seconds)) return invalid(`${TIME_VAR} wants seconds`);
  const sentAt = Number(seconds) * 1000;
  const offBySeconds = Math.round(Math.abs(now - sentAt) / 1000);
  if (Math.abs(now - sentAt) > windowMs) {
    return invalid(`the signature is stale: its time is ${offBySeconds} s from ours`);
  }
  const bodySha256 = findText(vars, BODY_HASH_VAR);
  if (bodySha256 !== undefined && !/^[0-9a-f]{64}$/.test(bodySha256)) {
    return invalid(`${BODY_HASH_VAR} is no SHA-256 in hex`);
  }
  if (hasBody && bodySha256 === undefined) {
    return invalid(`it is signed without the ${BODY_HASH_VAR} of its body`);
  }
  return { kind: "valid", id, sentAt, ...(bodySha256 === undefined ? {} : { bodySha256 }) };
}

function signatureOf(bytes: Uint8Array, secret: string) {
  return createHmac("sha256", secret).update(bytes).digest();
}
