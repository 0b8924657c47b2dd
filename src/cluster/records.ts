/**
 * What the cluster remembers of tasks that have failed: how often, for whoever runs them next; and the
 * tasks that were given up.
 */

import type { NatsLink } from "../nats/link.ts";
import { BODY_HEADER, FAILURE_HEADER, MESSAGE_ID } from "../nats/headers.ts";
import { messageIn } from "../nats/message.ts";
import { ATTEMPTS_SUFFIX, FAILED_SUFFIX } from "../nats/stream_address.ts";
import type { Attempts } from "../spool/store.ts";
import { failureText, type StreamAttempts, type StreamFailure } from "./failure.ts";

function attemptsSubject(stream: string, sequence: number): string {
  return `${stream}${ATTEMPTS_SUFFIX}.${sequence}`;
}

/** Null when it has not failed. */
export async function readAttempts(link: NatsLink, sequence: number): Promise<Attempts | null> {
  const { stream } = link.address;
  const last_by_subj = attemptsSubject(stream, sequence);
  const message = await messageIn(link, `${stream}${ATTEMPTS_SUFFIX}`, { last_by_subj });
  return message?.json<Attempts>() ?? null;
}

export async function writeAttempts(
  link: NatsLink,
  sequence: number,
  attempts: StreamAttempts,
): Promise<void> {
  const { jetstream, address: { stream } } = link;
  await jetstream.publish(attemptsSubject(stream, sequence), JSON.stringify(attempts));
}

export async function forgetAttempts(link: NatsLink, sequence: number): Promise<void> {
  const { manager, address: { stream } } = link;
  const filter = attemptsSubject(stream, sequence);
  await manager.streams.purge(`${stream}${ATTEMPTS_SUFFIX}`, { filter });
}

/** Bytes of the other headers, and of their names. */
const AROUND = 2048;

/** Copies a task to the stream of those that were given up; a repeated copy is stored once. */
export async function copyToFailed(
  link: NatsLink,
  sequence: number,
  failure: Omit<StreamFailure, "sequence">,
): Promise<void> {
  const { jetstream, library, address: { stream } } = link;
  const message = await messageIn(link, stream, { seq: sequence });
  // Somebody has removed it.
  if (message === null) return;
  const headers = library.headers();
  for (const name of [MESSAGE_ID, BODY_HEADER]) {
    const value = message.header.get(name);
    if (value !== "") headers.set(name, value);
  }
  const room = link.maxPayload - message.data.length - AROUND;
  headers.set(FAILURE_HEADER, failureText({ ...failure, sequence }, room));
  const subject = `${stream}${FAILED_SUFFIX}${message.subject.slice(stream.length)}`;
  await jetstream.publish(subject, message.data, { headers });
}
