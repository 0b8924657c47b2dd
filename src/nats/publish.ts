/**
 * Puts a task into a stream. The message is the task's file as it is on disk: the packet, and the body
 * behind it. A body for which a server's max_payload has no room goes into the object store first.
 *
 * The id of the message is the task's: what is published twice is stored once.
 */

import { joined } from "../platform/bytes.ts";
import { reasonOf } from "../platform/reason.ts";
import { encodePacket, MODIFIER_SPOOL, type Var } from "../wire/packet.ts";
import type { PeerAnswer } from "../wire/peer.ts";
import type { ApiError, PubAck } from "@nats-io/jetstream";
import { BODY_HEADER, MESSAGE_ID } from "./headers.ts";
import type { NatsLink } from "./link.ts";
import { isSlotTaken, markSlot } from "./slots.ts";
import { NobodyListensError } from "./requests.ts";
import { subjectOf } from "./subject.ts";

/** A task for a stream. */
export interface Publishable {
  /** The same whenever this task is published, and of no other task. */
  readonly id: string;
  /** The slot for which several machines put it, and one of them is to; absent or null for any other task. */
  readonly slot?: string | null;
  readonly vars: readonly Var[];
  readonly bodySize: number;
  readBody(into: Uint8Array<ArrayBuffer>, offset: number): number;
}

/** A body that was put before is used again when it is younger; an old one may just be swept away. */
export const REUSED_WITHIN_MS = 3_600_000;

/** A task that no stream can take. */
export class UnfitTaskError extends Error {
  override readonly name = "UnfitTaskError";
}

/** The longest headers and protocol lines around a message. */
const AROUND = 4096;
const CHUNK = 64 * 1024;
/** err_code of a stream that has as many messages or bytes as it may. */
const STREAM_IS_FULL = 10077;
/** err_code of a message that is larger than its stream allows. */
const MESSAGE_TOO_LARGE = 10054;

/** What the stream says to a task. */
export type StreamAnswer =
  | {
    readonly kind: "accepted";
    /** Of its message; null when it is another machine's. */
    readonly sequence: number | null;
    /** It had a message of this id before. */
    readonly isRepeated: boolean;
  }
  | Exclude<PeerAnswer, { readonly kind: "accepted" }>;

/**
 * What several machines put is published under the name of its slot. The servers forget ids after a while,
 * but a machine may have been cut off for longer: so it asks first, and says afterwards that it is there.
 *
 * @returns when the stream has it, or says that it does not want it
 * @throws {UnfitTaskError} when no stream can have it
 * @throws {Error} when nobody knows whether the stream has it
 */
export async function publishTask(
  link: NatsLink,
  task: Publishable,
  timeoutMs: number,
  now: number,
): Promise<StreamAnswer> {
  const { stream } = link.address;
  const subject = subjectFor(stream, task.vars);
  const packet = encodePacket(task.vars, MODIFIER_SPOOL);
  const isSmall = packet.length + task.bodySize + AROUND <= link.maxPayload;
  const { slot = null } = task;
  try {
    if (slot !== null && await isSlotTaken(link, slot)) {
      return { kind: "accepted", sequence: null, isRepeated: true };
    }
    let ack: Stored;
    if (isSmall) {
      const message = task.bodySize === 0 ? packet : joined([packet, readBody(task)]);
      ack = await publishSmall(link, subject, message, slot ?? task.id);
    } else {
      ack = await publishWithStoredBody({ link, task, subject, packet, timeoutMs, now });
    }
    if (slot !== null) await markSlot(link, slot, timeoutMs);
    return { kind: "accepted", sequence: ack.seq, isRepeated: ack.duplicate };
  } catch (error) {
    return answerOf(link, error);
  }
}

type Stored = Pick<PubAck, "seq" | "duplicate">;

/** @throws {JetStreamApiError} when the stream does not take it */
async function publishSmall(
  { library, requests }: NatsLink,
  subject: string,
  message: Uint8Array,
  id: string,
): Promise<Stored> {
  const headers = library.headers();
  headers.set(MESSAGE_ID, id);
  const answer = await requests.send(subject, message, headers);
  const { error, seq, duplicate = false } = answer.json<
    Partial<Stored> & { readonly seq: number; readonly error?: ApiError }
  >();
  if (error !== undefined) throw new library.JetStreamApiError(error);
  // Some servers know an id before its message is stored, and may still lose it.
  if (duplicate && seq === 0) throw new Error("the stream has not stored it yet");
  return { seq, duplicate };
}

interface LargeTask {
  readonly link: NatsLink;
  readonly task: Publishable;
  readonly subject: string;
  readonly packet: Uint8Array;
  readonly timeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

async function publishWithStoredBody(
  { link, task, subject, packet, timeoutMs, now }: LargeTask,
): Promise<Stored> {
  const bodies = await link.bodies();
  const known = await bodies.info(task.id);
  const isThere = known !== null && !known.deleted && known.size === task.bodySize;
  const isFresh = isThere && now - Date.parse(known.mtime) < REUSED_WITHIN_MS;
  if (!isFresh) await bodies.put({ name: task.id }, bodyStream(task), { timeout: timeoutMs });
  const headers = link.library.headers();
  headers.set(BODY_HEADER, task.id);
  const options = { msgID: task.slot ?? task.id, headers, timeout: timeoutMs };
  const ack = await link.jetstream.publish(subject, packet, options);
  // The stream had the message before, and whoever ran the task has removed its body.
  if (ack.duplicate && !isThere) await bodies.delete(task.id);
  return ack;
}

function subjectFor(stream: string, vars: readonly Var[]): string {
  try {
    return subjectOf(stream, vars);
  } catch (error) {
    if (error instanceof RangeError) throw new UnfitTaskError(error.message);
    throw error;
  }
}

function readBody(task: Publishable): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(task.bodySize);
  for (let at = 0; at < body.length;) at += readPiece(task, body.subarray(at), at);
  return body;
}

function bodyStream(task: Publishable): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = new Uint8Array(Math.min(CHUNK, task.bodySize - at));
      if (piece.length === 0) return controller.close();
      const count = readPiece(task, piece, at);
      at += count;
      controller.enqueue(piece.subarray(0, count));
    },
  });
}

function readPiece(task: Publishable, into: Uint8Array<ArrayBuffer>, at: number): number {
  const count = task.readBody(into, at);
  if (count > 0) return count;
  throw new UnfitTaskError(`its file ends ${task.bodySize - at} bytes too soon`);
}

/** @throws what says nothing about the task */
function answerOf({ library, address }: NatsLink, error: unknown): StreamAnswer {
  const { stream } = address;
  if (error instanceof NobodyListensError || error instanceof library.JetStreamNotEnabled) {
    throw new Error(
      `nobody stores messages for ${stream}: there is no such stream, or no leader now`,
    );
  }
  if (error instanceof library.PermissionViolationError) {
    return { kind: "refused", reason: reasonOf(error) };
  }
  if (!(error instanceof library.JetStreamApiError)) throw error;
  if (error.code === STREAM_IS_FULL) return { kind: "later", reason: `${stream} is full` };
  const kind = error.code === MESSAGE_TOO_LARGE ? "refused" : "later";
  return { kind, reason: `${reasonOf(error)} (err_code ${error.code})` };
}
