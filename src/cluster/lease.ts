/** A message that this program holds, and how it says to the stream what becomes of it. */

import { NANOSECONDS, type NatsLink } from "../nats/link.ts";
import type { LeaseEnd } from "./lease_end.ts";
import { copyToFailed, forgetAttempts, writeAttempts } from "./records.ts";
import type { TaskRef } from "../spool/layout.ts";

export interface Lease {
  /** Of the message in its stream. */
  readonly sequence: number;
  /** By the servers. */
  readonly storedAtMs: number;
  /** Where the stream hears about it; another one when it was delivered again. */
  reply: string;
  /** Its file; null while it has none. */
  ref: TaskRef | null;
  /** Its body in the object store. */
  readonly storedBody: string | null;
  /** Heartbeats since its file was seen. */
  unseen: number;
  /** The cluster may remember failures of it. */
  hasHistory: boolean;
  end: LeaseEnd | null;
  /** The servers were away, and its number may be another message's since. */
  isUnsure: boolean;
  /** Ending: its file is removed, and its end may still change. Saying: that is on its way to the stream. */
  stage: "held" | "ending" | "saying";
}

const ACK = "+ACK";
const WORKING = "+WPI";

/** For each answer of a server, and to connect to one. */
export const TIMEOUT_MS = 5_000;

/** It is still worked on: nobody else gets it yet. */
export function sayWorking(link: NatsLink, reply: string): void {
  link.connection.publish(reply, WORKING);
}

/** Somebody gets it when so much time has passed. @throws {Error} when no server answers in time */
export async function putOff(link: NatsLink, reply: string, delayMs: number): Promise<void> {
  const delay = Math.max(0, Math.ceil(delayMs)) * NANOSECONDS;
  const what = delay === 0 ? "-NAK" : `-NAK ${JSON.stringify({ delay })}`;
  await link.requests.send(reply, what);
}

/** Says to the stream what has become of a task. @throws {Error} when no server answers in time */
export async function sayEnd(
  link: NatsLink,
  lease: Lease,
  end: LeaseEnd,
  now: number,
): Promise<void> {
  const { sequence, reply, storedBody } = lease;
  if (end.kind === "put-off") {
    if (end.attempts !== null) {
      lease.hasHistory = true;
      await writeAttempts(link, sequence, { ...end.attempts, dueAt: now + end.delayMs });
    }
    return await putOff(link, reply, end.delayMs);
  }
  if (end.kind === "failed") {
    const { reason, attempt, attempts } = end;
    await copyToFailed(link, sequence, { reason, attempt, failedAt: now, attempts });
  }
  // The message is gone with the answer.
  await link.requests.send(reply, ACK);
  if (lease.hasHistory) await forgetAttempts(link, sequence);
  if (end.kind === "done" && storedBody !== null) await (await link.bodies()).delete(storedBody);
}
