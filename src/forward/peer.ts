/**
 * What kind of peer a target is, as its answer to a ping tells, and what its answers to tasks mean.
 *
 * One of ours answers a ping with vars. uWSGI answers with none (or with a warning text), and without
 * its ping plugin closes at once.
 *
 * @pure
 */

import type { RawPacket } from "../wire/reader.ts";
import {
  decodeVars,
  findText,
  MODIFIER_ANSWER,
  MODIFIER_PING,
  PacketError,
} from "../wire/packet.ts";

/** Parcels that may be on one connection without an answer. */
export const WINDOW = 128;

export type Peer =
  /** Speaks the extension. */
  | {
    readonly kind: "ours";
    readonly version: string;
    readonly keepAlive: boolean;
    readonly body: boolean;
    /** The largest body it takes, in bytes; null when it does not say. */
    readonly maxBody: number | null;
  }
  /** Answered the ping as uWSGI does: it gets version 0, and not one byte more. */
  | { readonly kind: "plain" }
  /**
   * Closes at a ping, as uWSGI without the ping plugin does: it gets version 0. Since it might be one of
   * ours on a bad connection, its tasks carry their id, so that none is accepted twice.
   */
  | { readonly kind: "mute" };

/** @throws {PacketError} when it is no answer to a ping at all */
export function peerOf({ header, vars }: RawPacket): Peer {
  if (header.modifier1 !== MODIFIER_PING) {
    throw new PacketError(`it answered a ping with modifier1 ${header.modifier1}, not 100`);
  }
  const told = varsOrNone(vars);
  const version = findText(told, "spooler");
  if (version === undefined) return { kind: "plain" };
  const features = (findText(told, "features") ?? "").split(",");
  const maxBody = findText(told, "max-body");
  return {
    kind: "ours",
    version,
    keepAlive: features.includes("keep-alive"),
    body: features.includes("body"),
    maxBody: maxBody !== undefined && /^\d{1,15}$/.test(maxBody) ? Number(maxBody) : null,
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

export type TaskAnswer =
  | { readonly kind: "accepted" }
  /** Sent again it would be refused again. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The peer takes nothing for now. */
  | { readonly kind: "later"; readonly reason: string };

const LONGEST_REASON = 300;

/** A peer's words go to the log and to terminals: they stay on their line, and steer nothing. */
function plainText(text: string): string {
  return text.slice(0, LONGEST_REASON).replaceAll(/\p{C}/gu, "·");
}

/** @throws {PacketError} when it is no answer to a task */
export function answerOf({ header, vars }: RawPacket): TaskAnswer {
  if (header.modifier1 !== MODIFIER_ANSWER) {
    throw new PacketError(`it answered with modifier1 ${header.modifier1}, an answer has 255`);
  }
  if (header.modifier2 === 1) return { kind: "accepted" };
  if (header.modifier2 !== 0) {
    throw new PacketError(`it answered 255 with ${header.modifier2}, which is neither 0 nor 1`);
  }
  const told = varsOrNone(vars);
  const reason = plainText(findText(told, "reason") ?? "it gives no reason");
  const isTemporary = findText(told, "temporary") === "1";
  return { kind: isTemporary ? "later" : "refused", reason };
}
