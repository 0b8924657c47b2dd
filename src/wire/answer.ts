/** The answers to packets, as bytes. @pure */

import { VERSION } from "../platform/version.ts";
import { encodeHeader, MODIFIER_ANSWER, MODIFIER_PING, textVar, type Var } from "./packet.ts";
import type { RefusalError } from "./refusal.ts";
import type { Signed } from "./signature.ts";
import { answerPacket, NAME_VAR, TASK_NAME_VAR } from "./signed_answer.ts";

export const ACCEPTED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 1 });
export const REFUSED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 0 });
/** The answer to a ping, as uWSGI's. */
export const PONG = encodeHeader({ modifier1: MODIFIER_PING, size: 0, modifier2: 1 });

const LONGEST_REASON = 500;

/**
 * A yes to a packet; a signed packet gets a signed one.
 *
 * @param name of the task, or of another that stands for it, for a peer that speaks our extension
 */
export function acceptedAnswer(
  request: Signed | null,
  name?: string,
): Uint8Array<ArrayBuffer> {
  if (request === null && name === undefined) return ACCEPTED;
  const vars = name === undefined ? [] : [textVar(TASK_NAME_VAR, name)];
  return answerPacket(vars, { modifier1: MODIFIER_ANSWER, modifier2: 1 }, request);
}

/** A refusal with its reason, for a peer that speaks our extension. */
export function refusalAnswer(
  refusal: RefusalError,
  request: Signed | null,
): Uint8Array<ArrayBuffer> {
  const vars: Var[] = [textVar("reason", refusal.message.slice(0, LONGEST_REASON))];
  if (refusal.isTemporary) vars.push(textVar("temporary", "1"));
  return answerPacket(vars, { modifier1: MODIFIER_ANSWER, modifier2: 0 }, request);
}

export interface PingAnswer {
  readonly features: readonly string[];
  /** The largest body that is taken, in bytes. */
  readonly maxBody: number;
  /** The name of this receiver: a sender must know it to sign for it. */
  readonly receiver: string;
  /** The signature of the ping; null when it had none of ours. */
  readonly request: Signed | null;
}

/** The answer to a ping that asks to stay connected, which is no uWSGI: what may be sent here. */
export function pingAnswer(
  { features, maxBody, receiver, request }: PingAnswer,
): Uint8Array<ArrayBuffer> {
  const vars = [
    textVar("spooler", VERSION),
    textVar("features", features.join(",")),
    textVar("max-body", String(maxBody)),
    ...(request === null ? [] : [textVar(NAME_VAR, receiver)]),
  ];
  return answerPacket(vars, { modifier1: MODIFIER_PING, modifier2: 1 }, request);
}
