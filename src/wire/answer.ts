/** The answers to packets, as bytes. @pure */

import { VERSION } from "../platform/version.ts";
import {
  encodeHeader,
  encodePacket,
  MODIFIER_ANSWER,
  MODIFIER_PING,
  textVar,
  type Var,
} from "./packet.ts";
import type { RefusalError } from "./refusal.ts";

export const ACCEPTED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 1 });
export const REFUSED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 0 });
/** The answer to a ping, as uWSGI's. */
export const PONG = encodeHeader({ modifier1: MODIFIER_PING, size: 0, modifier2: 1 });

const LONGEST_REASON = 500;

/** A refusal with its reason, for a peer that speaks our extension. */
export function refusalAnswer(refusal: RefusalError): Uint8Array {
  const vars: Var[] = [textVar("reason", refusal.message.slice(0, LONGEST_REASON))];
  if (refusal.isTemporary) vars.push(textVar("temporary", "1"));
  return encodePacket(vars, MODIFIER_ANSWER);
}

/**
 * The answer to a ping that asks to stay connected, which is no uWSGI: what may be sent here.
 *
 * @param maxBody the largest body that is taken, in bytes
 */
export function pingAnswer(features: readonly string[], maxBody: number): Uint8Array {
  const vars = [
    textVar("spooler", VERSION),
    textVar("features", features.join(",")),
    textVar("max-body", String(maxBody)),
  ];
  return encodePacket(vars, MODIFIER_PING, 1);
}
