/** A task as it comes over a connection: its vars, its body, and what is known of who sent it. */

import { reasonOf } from "../platform/reason.ts";
import { decodeVars, PacketError, type Var } from "../wire/packet.ts";
import type { Credential } from "../wire/pickle_rule.ts";
import type { RawPacket } from "../wire/reader.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { NotSigned, Signed } from "../wire/signature.ts";
import type { IncomingBody } from "./body.ts";

export interface IncomingTask {
  readonly vars: readonly Var[];
  /** What a file of just these vars holds; good until `done` is called. Null where nobody has that. */
  readonly file: Uint8Array<ArrayBuffer> | null;
  readonly signed: Signed | NotSigned;
  readonly body: IncomingBody | null;
  readonly from: string;
  /** What is known of its sender without a signature. */
  readonly credential: Credential;
  /** Whose id it has, as far as its connection says. */
  readonly sender: string;
  /** Its yes is to have its name. */
  readonly wantsName: boolean;
}

/**
 * Takes responsibility for a task, and calls `done` once, before or after it returns: with null when the
 * peer gets its acceptance, or with the reason why not, a {@link RefusalError} or {@link PacketError}
 * among others.
 *
 * @throws {Error} the same, in place of the call
 */
export type Accept = (task: IncomingTask, done: TaskDone) => void;

/** @param name of the task, where it is wanted and known; of another with its key, where that stands for it */
export type TaskDone = (error: unknown, name?: string) => void;

/** Which secret of ours signed a packet. */
export type Identify = (varBytes: Uint8Array, vars: readonly Var[]) => Signed | NotSigned;

/** What a packet says, ahead of its body, or what is wrong with it. */
export type IncomingRequest =
  | { readonly vars: readonly Var[]; readonly signed: Signed | NotSigned }
  | { readonly error: PacketError };

/** The vars of a packet and who signed them, or what is wrong with them. */
export function requestOf({ vars: bytes }: RawPacket, identify: Identify): IncomingRequest {
  try {
    const vars = decodeVars(bytes);
    return { vars, signed: identify(bytes, vars) };
  } catch (error) {
    if (error instanceof PacketError) return { error };
    throw error;
  }
}

/** Over which its answer is signed; null when the packet has no signature of ours. */
export function signerOf(request: IncomingRequest): Signed | null {
  return "signed" in request && "secret" in request.signed ? request.signed : null;
}

/** What the peer is sent for an error while its task was taken. */
export function refusalOf(error: unknown): RefusalError {
  if (error instanceof RefusalError) return error;
  if (error instanceof PacketError) return new RefusalError("malformed", error.message);
  return new RefusalError("full", reasonOf(error), true);
}
