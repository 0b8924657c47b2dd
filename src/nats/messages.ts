/**
 * Reads the messages of a stream without taking them: nothing of what consumers see changes. Servers
 * before 2.11 give one message for one request, so many requests are under way at the same time.
 */

import type { StoredMsg } from "@nats-io/jetstream";
import type { NatsLink } from "./link.ts";
import { messageIn } from "./message.ts";

/** A message as it is stored. */
export interface StreamMessage {
  readonly sequence: number;
  readonly subject: string;
  /** When it was stored, in milliseconds since the epoch. */
  readonly storedAt: number;
  readonly data: Uint8Array;
  /** "" when there is none of that name. */
  header(name: string): string;
}

/** Requests that are under way at the same time. */
const MOST_AT_ONCE = 256;
/** What their answers may have together, when messages are as large as they are on average. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * The messages from `from` on, the oldest first. What is stored meanwhile may be missing.
 *
 * @throws {Error} when there is no such stream, or no server answers in time
 */
export async function* messagesOf(
  link: NatsLink,
  stream: string,
  from = 1,
): AsyncGenerator<StreamMessage> {
  const { state } = await link.manager.streams.info(stream);
  const last = state.last_seq;
  const most = Math.min(
    MOST_AT_ONCE,
    Math.max(1, Math.floor(MOST_BYTES * state.messages / Math.max(1, state.bytes))),
  );
  let count = 1;
  for (let at = Math.max(from, state.first_seq); at <= last;) {
    const first = await get(link, stream, { seq: at, next_by_subj: ">" });
    if (first === null || first.sequence > last) return;
    yield first;
    // Behind a gap few numbers may have a message: more are asked for as long as most have one.
    const start = first.sequence + 1;
    const asked = Math.min(count, last - start + 1);
    const found = await Promise.all(
      Array.from({ length: Math.max(0, asked) }, (_, i) => get(link, stream, { seq: start + i })),
    );
    let there = 0;
    for (const message of found) {
      if (message === null) continue;
      there++;
      yield message;
    }
    count = 2 * there >= asked ? Math.min(most, 2 * count) : Math.max(1, count >> 1);
    at = start + Math.max(0, asked);
  }
}

/** One message; null when it is not there. */
export async function messageAt(
  link: NatsLink,
  stream: string,
  seq: number,
): Promise<StreamMessage | null> {
  // The leader knows best what has just gone.
  const stored = await messageIn(link, stream, { seq });
  return stored === null ? null : messageOf(stored);
}

type Query = Parameters<NatsLink["manager"]["direct"]["getMessage"]>[1];

async function get(link: NatsLink, stream: string, query: Query): Promise<StreamMessage | null> {
  const stored = await link.manager.direct.getMessage(stream, query);
  return stored === null ? null : messageOf(stored);
}

function messageOf({ seq, subject, time, data, header }: StoredMsg): StreamMessage {
  return {
    ...{ sequence: seq, subject, data },
    storedAt: time.getTime(),
    header: (name) => header?.get(name) ?? "",
  };
}
