/**
 * Signed packets: the vars that one of ours adds to a task when it sends it to another, and how the
 * receiver checks them. The time and the secrets are arguments.
 *
 * `spooler_id` names the delivery, the same at each repetition, so that the receiver can accept it
 * once. `spooler_to` is the name of the receiver. `spooler_ts` is when it was sent. `spooler_sha256`
 * is the hash of the body. `spooler_sig` is the HMAC-SHA256 of exactly the bytes of the vars in front
 * of it; it is always the last var.
 *
 * @pure
 */

import { hmacSha256, isSameDigest, isSha256Hex } from "./hmac.ts";
import {
  encodePacket,
  findText,
  HEADER_SIZE,
  isNamed,
  MODIFIER_SPOOL,
  textVar,
  type Var,
  varText,
} from "./packet.ts";

export const ID_VAR = "spooler_id";
const RECEIVER_VAR = "spooler_to";
const TIME_VAR = "spooler_ts";
export const BODY_HASH_VAR = "spooler_sha256";
export const SIGNATURE_VAR = "spooler_sig";
/** Names what several machines put and a stream is to store once. It never leaves the machine. */
export const ONCE_VAR = "spooler_once";

/** Vars that belong to the wire and never to a task: a sender replaces them, a receiver removes them. */
const RESERVED_VARS: readonly string[] = [
  ID_VAR,
  RECEIVER_VAR,
  TIME_VAR,
  BODY_HASH_VAR,
  SIGNATURE_VAR,
  ONCE_VAR,
];

const FIRST_BYTE = "s".charCodeAt(0);

/** Bytes that an id or the name of a receiver may have. */
export const LONGEST_ID = 128;
/** A signature that is further from the receiver's clock, to either side, is stale. */
export const SIGNATURE_WINDOW_MS = 300_000;

/** Name, value and their two lengths, of the signature's var. */
const SIGNATURE_SIZE = 2 + SIGNATURE_VAR.length + 2 + 64;

export interface DeliveryClaims {
  /** 1 to {@link LONGEST_ID} printable ASCII characters, the same whenever this task is delivered. */
  readonly id: string;
  /** The receiver's name, of the same form; absent when nothing is signed. */
  readonly to?: string;
  /**
   * Of this delivery, in milliseconds since the epoch; no two of a sender are less than a microsecond
   * apart, as the same time again would make the same signature, which a receiver takes for a replay.
   */
  readonly sentAt: number;
  /** Lower-case hex SHA-256 of the body; absent without a body, or when nothing is signed. */
  readonly bodySha256?: string;
}

/** A packet whose signature fits a secret of ours: its answer is signed over this signature. */
export interface Signed {
  readonly secret: string;
  /** Lower-case hex. */
  readonly signature: string;
}

/** The reason is fit for the log and for the peer: no part of a secret is in it. */
export interface NotSigned {
  readonly problem: string;
}

/** What a receiver learns about a packet from its reserved vars. */
export type SignatureResult =
  | ({ readonly kind: "valid" } & DeliveryClaims)
  | {
    readonly kind: "invalid";
    readonly reason: string;
    /** The same task may be accepted when it is sent again: the packet was late, or went astray. */
    readonly isTemporary: boolean;
  };

export interface Verification {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A body follows the vars. There is one exactly when its hash is signed. */
  readonly hasBody: boolean;
  /** The name of this receiver. */
  readonly receiver: string;
  /** Absent is {@link SIGNATURE_WINDOW_MS}. */
  readonly windowMs?: number;
}

function isReserved(v: Var): boolean {
  // Nearly every name differs in its first byte.
  return v.name[0] === FIRST_BYTE && RESERVED_VARS.some((name) => isNamed(v, name));
}

/** The task's own vars: without those that belong to the wire. The same array when there are none. */
export function withoutReserved(vars: readonly Var[]): readonly Var[] {
  return vars.some(isReserved) ? vars.filter((v) => !isReserved(v)) : vars;
}

export function isDeliveryId(text: string): boolean {
  return text.length <= LONGEST_ID && /^[\x21-\x7e]+$/.test(text);
}

/**
 * The vars of a delivery: the task's own, then the reserved ones; signed when there is a secret.
 *
 * @throws {Error} when the id or the receiver's name has another form
 * @throws {PacketError} when there is a secret and they do not fit into a packet
 */
export function deliveryVars(
  task: readonly Var[],
  delivery: DeliveryClaims,
  secret: string | null,
): Var[] {
  const { id, to, sentAt, bodySha256 } = delivery;
  for (const text of [id, to ?? id]) {
    if (isDeliveryId(text)) continue;
    throw new Error(
      `sign a delivery: an id or a name has 1 to ${LONGEST_ID} printable characters: "${text}"`,
    );
  }
  const vars = [
    ...withoutReserved(task),
    textVar(ID_VAR, id),
    ...(to === undefined ? [] : [textVar(RECEIVER_VAR, to)]),
    textVar(TIME_VAR, (sentAt / 1000).toFixed(6)),
    ...(bodySha256 === undefined ? [] : [textVar(BODY_HASH_VAR, bodySha256)]),
  ];
  return secret === null ? vars : signedVars(vars, secret);
}

/**
 * The vars with a signature over all of them behind them.
 *
 * @throws {PacketError} when they do not fit into a packet
 */
export function signedVars(vars: readonly Var[], secret: string): Var[] {
  const bytes = encodePacket(vars, MODIFIER_SPOOL).subarray(HEADER_SIZE);
  return [...vars, textVar(SIGNATURE_VAR, hmacSha256(secret, bytes))];
}

/**
 * Which secret signed a packet, of a task or a ping.
 *
 * @param bytes the vars as they came, the header not among them
 * @param vars the same, taken apart
 * @param secrets any of them may have signed; several are for rotation
 */
export function signedBy(
  bytes: Uint8Array,
  vars: readonly Var[],
  secrets: readonly string[],
): Signed | NotSigned {
  const last = vars.at(-1);
  if (last === undefined || varText(last.name) !== SIGNATURE_VAR) {
    const isElsewhere = vars.some(({ name }) => varText(name) === SIGNATURE_VAR);
    const problem = isElsewhere
      ? `${SIGNATURE_VAR} must be the last var`
      : `it is not signed (${SIGNATURE_VAR})`;
    return { problem };
  }
  const signature = varText(last.value);
  if (!isSha256Hex(signature)) return { problem: `${SIGNATURE_VAR} is not an HMAC-SHA256 in hex` };
  const signed = bytes.subarray(0, bytes.length - SIGNATURE_SIZE);
  // Every secret is tried, whichever fits: the time taken reveals nothing.
  const fits = secrets.filter((secret) => isSameDigest(hmacSha256(secret, signed), signature));
  const [secret] = fits;
  if (secret === undefined) {
    return { problem: "the signature is wrong: not our secret, or altered" };
  }
  return { secret, signature };
}

/** Checks what else a task must say whose signature fits. */
export function verifyDelivery(
  vars: readonly Var[],
  { now, hasBody, receiver, windowMs = SIGNATURE_WINDOW_MS }: Verification,
): SignatureResult {
  const invalid = (reason: string): SignatureResult => ({
    kind: "invalid",
    reason,
    isTemporary: false,
  });
  const astray = (reason: string): SignatureResult => ({
    kind: "invalid",
    reason,
    isTemporary: true,
  });
  const id = findText(vars, ID_VAR);
  if (id === undefined || !isDeliveryId(id)) return invalid(`it is signed without a ${ID_VAR}`);
  const to = findText(vars, RECEIVER_VAR);
  if (to === undefined) {
    // Refused for now: a sender of version 0.1 keeps its tasks until it is replaced.
    return astray(`it is signed for no receiver, as by version 0.1: ${RECEIVER_VAR} is missing`);
  }
  if (to !== receiver) {
    return astray(
      `it is signed for another receiver: ${RECEIVER_VAR} is "${to}", not "${receiver}"`,
    );
  }
  const seconds = findText(vars, TIME_VAR) ?? "";
  if (!/^\d{1,12}(\.\d{1,9})?$/.test(seconds)) return invalid(`${TIME_VAR} needs seconds`);
  const sentAt = Number(seconds) * 1000;
  if (Math.abs(now - sentAt) > windowMs) {
    const offBySeconds = Math.round(Math.abs(now - sentAt) / 1000);
    return astray(`the signature is stale: its time is ${offBySeconds} s from ours`);
  }
  const bodySha256 = findText(vars, BODY_HASH_VAR);
  if (bodySha256 !== undefined && !isSha256Hex(bodySha256)) {
    return invalid(`${BODY_HASH_VAR} is not a SHA-256 in hex`);
  }
  if (hasBody && bodySha256 === undefined) {
    return invalid(`it is signed without the ${BODY_HASH_VAR} of its body`);
  }
  if (!hasBody && bodySha256 !== undefined) {
    return astray(`it is signed with the ${BODY_HASH_VAR} of a body, but has no body`);
  }
  return {
    kind: "valid",
    id,
    to,
    sentAt,
    ...(bodySha256 === undefined ? {} : { bodySha256 }),
  };
}
