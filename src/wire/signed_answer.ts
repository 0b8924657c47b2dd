/**
 * Answers that prove who gave them: with a secret the answer to a signed packet is signed as well,
 * over the packet's own signature, so that it answers this packet and no other. Before its first
 * task a sender pings with a number that nobody has used before; the answer carries the receiver's
 * name, for which the sender signs from then on.
 *
 * The signature of an answer is the HMAC-SHA256 of two NULs, the answer's modifiers, the request's
 * signature (its 64 hex digits) and the vars in front. No packet of a task starts with two NULs (a name is
 * not empty), so that neither kind of signature can pass for the other.
 *
 * @pure
 */

import { hmacSha256, isSameDigest } from "./hmac.ts";
import {
  encodePacket,
  findText,
  type Header,
  HEADER_SIZE,
  textVar,
  type Var,
  varText,
} from "./packet.ts";
import { isDeliveryId, SIGNATURE_VAR, type Signed, signedVars } from "./signature.ts";

/** The var of a ping with a number that is used once: 16 random bytes in hex, or more. */
const NONCE_VAR = "spooler_nonce";
/** The var of an answer to a signed ping with the receiver's name. */
export const NAME_VAR = "name";
/** The var of a yes with the name of the task, or of the one that stands for it. */
export const TASK_NAME_VAR = "task";

type Modifiers = Pick<Header, "modifier1" | "modifier2">;

/** The vars of a signed ping. The nonce is not used a second time. */
export function pingVars(nonce: string, secret: string): Var[] {
  return signedVars([textVar(NONCE_VAR, nonce)], secret);
}

/** What was sent, so that the answer to it can be checked; null for vars without a signature. */
export function signedOf(vars: readonly Var[], secret: string): Signed | null {
  const last = vars.at(-1);
  if (last === undefined || varText(last.name) !== SIGNATURE_VAR) return null;
  return { secret, signature: varText(last.value) };
}

/**
 * The packet of an answer: signed when the request was.
 *
 * @param request the request's signature; null when it had none of ours
 */
export function answerPacket(
  vars: readonly Var[],
  modifiers: Modifiers,
  request: Signed | null,
): Uint8Array<ArrayBuffer> {
  const { modifier1, modifier2 } = modifiers;
  const plain = encodePacket(vars, modifier1, modifier2);
  if (request === null) return plain;
  const mac = answerMac(plain.subarray(HEADER_SIZE), modifiers, request);
  return encodePacket([...vars, textVar(SIGNATURE_VAR, mac)], modifier1, modifier2);
}

/**
 * Whether an answer is signed by somebody who knows the secret, and answers this request.
 *
 * @param vars of the answer
 */
export function isAnswerTo(request: Signed, vars: readonly Var[], modifiers: Modifiers): boolean {
  const last = vars.at(-1);
  if (last === undefined || varText(last.name) !== SIGNATURE_VAR) return false;
  const inFront = encodePacket(vars.slice(0, -1), modifiers.modifier1).subarray(HEADER_SIZE);
  return isSameDigest(answerMac(inFront, modifiers, request), varText(last.value));
}

/** The receiver's name in its answer to a signed ping; undefined when it gives none that is one. */
export function receiverName(vars: readonly Var[]): string | undefined {
  const name = findText(vars, NAME_VAR);
  return name !== undefined && isDeliveryId(name) ? name : undefined;
}

function answerMac(vars: Uint8Array, { modifier1, modifier2 }: Modifiers, request: Signed) {
  const head = Uint8Array.of(0, 0, modifier1, modifier2);
  return hmacSha256(request.secret, head, new TextEncoder().encode(request.signature), vars);
}
