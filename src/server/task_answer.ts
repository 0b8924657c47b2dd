/** The answer to a task, when it is known what became of it. */

import { acceptedAnswer, refusalAnswer, REFUSED } from "../wire/answer.ts";
import type { RefusalError } from "../wire/refusal.ts";
import type { Signed } from "../wire/signature.ts";
import { type IncomingRequest, refusalOf, signerOf } from "./incoming_task.ts";

/** How its peer is answered. */
export interface AnswerStyle {
  /** It speaks our extension: a refusal has its reason. */
  readonly staysOpen: boolean;
  /** Called for a refusal. */
  readonly report: (refusal: RefusalError) => void;
}

/**
 * @param error null when the task was accepted
 * @param name of the task, where the peer wants it
 */
export function answerTo(
  request: IncomingRequest,
  error: unknown,
  name: string | undefined,
  style: AnswerStyle,
): Uint8Array<ArrayBuffer> {
  const signer = signerOf(request);
  return error === null ? acceptedAnswer(signer, name) : refusalTo(refusalOf(error), signer, style);
}

/** Without a signature, and where the connection does not stay open, it has no reason: the peer may be anybody. */
export function refusalTo(
  refusal: RefusalError,
  signer: Signed | null,
  { staysOpen, report }: AnswerStyle,
): Uint8Array<ArrayBuffer> {
  report(refusal);
  return staysOpen || signer !== null ? refusalAnswer(refusal, signer) : REFUSED;
}
