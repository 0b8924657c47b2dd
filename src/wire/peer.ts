/**
 * What kind of program a target is, by its answer to a ping, and what its answers to tasks mean.
 *
 * This program answers a ping with vars. A uWSGI answers with none (or with a warning text); without
 * its ping plugin it hangs up.
 *
 * @pure
 */

import type { RawPacket } from "./reader.ts";
import type { Signed } from "./signature.ts";
import { isAnswerTo, receiverName, TASK_NAME_VAR } from "./signed_answer.ts";
import { decodeVars, findText, MODIFIER_ANSWER, MODIFIER_PING, PacketError } from "./packet.ts";

/** Tasks that may be on one connection without an answer. */
export const WINDOW = 128;

export type Peer =
  /** This program: it understands ids, signatures and, where it says so, the rest of the extension. */
  | {
    readonly kind: "spooler";
    readonly version: string;
    readonly keepAlive: boolean;
    readonly body: boolean;
    /** Whether it says the names of tasks when it is asked for them. */
    readonly taskNames: boolean;
    /** The largest body it takes, in bytes; null when it does not say. */
    readonly maxBody: number | null;
    /** Its name, for which tasks are signed; null where nothing is signed. */
    readonly receiver: string | null;
  }
  /** Gets version 0 of the protocol: one task a connection. */
  | {
    readonly kind: "uwsgi";
    /**
     * It hung up at a ping, so it might be one of this program on a bad connection: its tasks carry
     * their id, so that none is accepted twice.
     */
    readonly withIds: boolean;
  };

export const UWSGI: Peer = { kind: "uwsgi", withIds: false };
export const SILENT: Peer = { kind: "uwsgi", withIds: true };

export function isKeptAlive(peer: Peer): boolean {
  return peer.kind === "spooler" && peer.keepAlive;
}

/**
 * @param signed the signature of the ping, which the answer of this program must have signed
 * @throws {PacketError} when it is no answer to a ping, or not to this one
 */
export function peerOf({ header, vars }: RawPacket, signed: Signed | null): Peer {
  if (header.modifier1 !== MODIFIER_PING) {
    throw new PacketError(`it answered a ping with modifier1 ${header.modifier1}, not 100`);
  }
  const given = varsOrNone(vars);
  const version = findText(given, "spooler");
  if (version === undefined) return UWSGI;
  const receiver = signed === null ? null : receiverName(given) ?? null;
  if (signed !== null && (receiver === null || !isAnswerTo(signed, given, header))) {
    throw new PacketError(
      "its ping reply is not signed with our secret: it has no spooler-secret or another one, or is version 0.1",
    );
  }
  const features = (findText(given, "features") ?? "").split(",");
  const maxBody = findText(given, "max-body");
  return {
    kind: "spooler",
    version: plainText(version),
    keepAlive: features.includes("keep-alive"),
    body: features.includes("body"),
    taskNames: features.includes("task-name"),
    maxBody: maxBody !== undefined && /^\d{1,15}$/.test(maxBody) ? Number(maxBody) : null,
    receiver,
  };
}

/** uWSGI may send a text in place of vars. */
function varsOrNone(bytes: Uint8Array) {
  try {
    return decodeVars(bytes);
  } catch {
    return [];
  }
}

export type PeerAnswer =
  | {
    readonly kind: "accepted";
    /** Of the task, where its sender asked for it; of another with its key, where that stands for it. */
    readonly name?: string;
  }
  /** Sent again it would be refused again. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The peer accepts nothing for now. */
  | { readonly kind: "later"; readonly reason: string };

const LONGEST_REASON = 300;
/** As a uWSGI refuses: with a spooler that is not configured, or a full disk. */
export const UNEXPLAINED = "it gives no reason";

/** A peer's words go to the log and to terminals: they stay on their line and steer nothing. */
function plainText(text: string): string {
  return text.slice(0, LONGEST_REASON).replaceAll(/[\p{C}\u2028\u2029]/gu, "·");
}

/**
 * @param signed the signature of the task, over which the answer must be signed; null asks for none
 * @throws {PacketError} when it is no answer to a task, or not to this one
 */
export function answerOf({ header, vars }: RawPacket, signed: Signed | null): PeerAnswer {
  if (header.modifier1 !== MODIFIER_ANSWER) {
    throw new PacketError(`it answered a task with modifier1 ${header.modifier1}, not 255`);
  }
  if (header.modifier2 > 1) {
    throw new PacketError(`it answered 255 with ${header.modifier2}, which is neither 0 nor 1`);
  }
  const given = varsOrNone(vars);
  if (signed !== null && !isAnswerTo(signed, given, header)) {
    throw new PacketError("its answer to a signed task is not signed with our secret");
  }
  if (header.modifier2 === 1) {
    const name = findText(given, TASK_NAME_VAR);
    return { kind: "accepted", ...(name === undefined ? {} : { name: plainText(name) }) };
  }
  const reason = plainText(findText(given, "reason") ?? UNEXPLAINED);
  const isTemporary = findText(given, "temporary") === "1";
  return { kind: isTemporary ? "later" : "refused", reason };
}
