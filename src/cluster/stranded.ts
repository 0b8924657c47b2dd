/**
 * Finds messages that no worker would ever get. Servers that die at the wrong moment keep messages that
 * their consumer has left behind: it takes them for acknowledged, or had their numbers before, when these
 * were those of messages that are lost. Nobody can tell whether such a task has run, so it is put into the
 * stream again, as another message.
 */

import type { ConsumerInfo } from "@nats-io/jetstream";
import { MESSAGE_ID } from "../nats/headers.ts";
import type { NatsLink } from "../nats/link.ts";
import { isForbidden } from "../nats/login.ts";
import { type FoundMessage, messageIn } from "../nats/message.ts";
import type { Cancel, Clock, Random } from "../platform/clock.ts";
import { counted } from "../platform/count_text.ts";
import { reasonOf } from "../platform/reason.ts";
import { Once } from "../report/once.ts";
import { forgetAttempts } from "./records.ts";
import { callRoll } from "./roll_call.ts";

export interface StrandedSweepOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Null while there is no connection. */
  link(): NatsLink | null;
  /** Of the functions that run here. */
  consumers(): readonly string[];
  warn(message: string): void;
}

/** Between two looks, on average; and to the one that shows whether it is still so. */
const EVERY_MS = 60_000;
const AGAIN_MS = 10_000;
/** Messages of one consumer at a time. */
const MOST = 1_000;

/** By its number, with when it was stored: the same number may be another message's later. */
type Seen = Map<number, number>;

export class StrandedSweep {
  readonly #options: StrandedSweepOptions;
  #stranded: Seen = new Map();
  /** Consumers that were ahead of the stream, with how far they were. */
  #ahead = new Map<string, number>();
  readonly #warnings = new Once();
  #cancel: Cancel = () => {};

  constructor(options: StrandedSweepOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, random, link } = this.#options;
    const isSuspected = this.#stranded.size + this.#ahead.size > 0;
    const waitMs = isSuspected ? AGAIN_MS : (0.5 + random()) * EVERY_MS;
    this.#cancel = clock.after(waitMs, async () => {
      const now = link();
      // What cannot be found out now is asked the next time.
      if (now !== null) await this.sweep(now).catch(() => {});
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** To be called twice: what is so for a moment, while an acknowledgement is under way, is not meant. */
  async sweep(link: NatsLink): Promise<void> {
    const { manager, address: { stream } } = link;
    const before = { stranded: this.#stranded, ahead: this.#ahead };
    this.#stranded = new Map();
    this.#ahead = new Map();
    const left: FoundMessage[] = [];
    for (const name of this.#options.consumers()) {
      const info = await manager.consumers.info(stream, name);
      // Asked second: what the consumer has given out is in the stream by then.
      const { state: { last_seq: last } } = await manager.streams.info(stream);
      const delivered = info.delivered.stream_seq;
      if (delivered > last) {
        if (before.ahead.get(name) === delivered) await this.#remake(link, name, delivered, last);
        else this.#ahead.set(name, delivered);
        continue;
      }
      for await (const message of leftBehind(link, info)) {
        const storedAt = message.time.getTime();
        if (before.stranded.get(message.seq) === storedAt) left.push(message);
        else this.#stranded.set(message.seq, storedAt);
      }
    }
    if (left.length > 0) await this.#putAgain(link, left);
  }

  #warnOnce(message: string): void {
    if (this.#warnings.isFirst(message)) this.#options.warn(message);
  }

  /** What comes would have numbers that it has given out before. Whoever pulls makes it anew. */
  async #remake(link: NatsLink, name: string, delivered: number, last: number): Promise<void> {
    const { stream } = link.address;
    this.#options.warn(
      `${stream} has lost its last messages: it is at ${last}, its consumer ${name} at ${delivered}; the consumer is made anew`,
    );
    await link.manager.consumers.delete(stream, name);
  }

  async #putAgain(link: NatsLink, messages: readonly FoundMessage[]): Promise<void> {
    const { stream } = link.address;
    const held = new Set((await callRoll(link)).flatMap((worker) => worker.held));
    let count = 0;
    for (const message of messages) {
      // Whoever has it ends it.
      if (held.has(message.seq)) continue;
      try {
        await putAgain(link, message);
      } catch (error) {
        if (!isForbidden(link.library, error)) throw error;
        return this.#warnOnce(
          `${stream} has messages that its servers will never give out, and this login may not put them again: ${
            reasonOf(error)
          }`,
        );
      }
      count++;
    }
    if (count === 0) return;
    this.#options.warn(
      `put ${
        counted(count, "task")
      } into ${stream} again: its servers would never have given out ` +
        `${count === 1 ? "its message" : "their messages"}`,
    );
  }
}

/** Messages of a consumer behind all that it will give out, the oldest first. */
async function* leftBehind(
  link: NatsLink,
  { config, delivered, ack_floor: floor, num_ack_pending: pending }: ConsumerInfo,
): AsyncGenerator<FoundMessage> {
  const last = pending === 0 ? delivered.stream_seq : floor.stream_seq;
  const next_by_subj = config.filter_subject ?? ">";
  for (let seq = 1, count = 0; seq <= last && count < MOST; count++) {
    const message = await messageIn(link, link.address.stream, { seq, next_by_subj });
    if (message === null || message.seq > last) return;
    yield message;
    seq = message.seq + 1;
  }
}

/** As another message, which is the same whoever puts it. */
async function putAgain(link: NatsLink, message: FoundMessage): Promise<void> {
  const { jetstream, library, manager, address: { stream } } = link;
  const headers = library.headers();
  for (const name of message.header.keys()) headers.set(name, message.header.get(name));
  const id = message.header.get(MESSAGE_ID) || `${stream}.${message.time.getTime()}`;
  headers.set(MESSAGE_ID, `${id}~again${message.seq}`);
  await jetstream.publish(message.subject, message.data, { headers });
  await manager.streams.deleteMessage(stream, message.seq, false).catch((error) => {
    // Another program has done the same.
    if (!(error instanceof library.JetStreamApiError)) throw error;
  });
  await forgetAttempts(link, message.seq);
}
