/**
 * Asks one consumer for messages, as many at a time as there is room for. Whatever comes is taken, also
 * what was under way when nothing more was wanted: a message that nobody says anything about is kept
 * from all others until the stream gives up waiting.
 */

import type { Subscription } from "@nats-io/nats-core";
import { NANOSECONDS, type NatsLink } from "../nats/link.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { type PulledMessage, pulledMessage, type RawMessage } from "./pulled_message.ts";

export interface PullOptions {
  readonly link: NatsLink;
  readonly consumer: string;
  readonly clock: Clock;
  /** How many messages are wanted now. */
  room(): number;
  take(message: PulledMessage): Promise<void>;
  failed(reason: string): void;
}

/** The longest that one request waits at the server. */
const WAIT_MS = 10_000;
/** A request of which nobody has said that it is over is so after this. */
const OVER_MS = 2_000;
const NO_RESPONDERS = 503;

export class Pull {
  readonly #options: PullOptions;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  /** The first is being taken. */
  readonly #queue: PulledMessage[] = [];
  /** Messages that the server may still send for the last request. */
  #asked = 0;
  #cancelWait: Cancel = () => {};
  #isTaking = false;
  #isOver = false;

  constructor(options: PullOptions) {
    this.#options = options;
    const { library, connection } = options.link;
    this.#inbox = library.createInbox();
    this.#subscription = connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error) return this.#failed(reasonOf(error));
        const status = message.headers?.code ?? 0;
        if (message.data.length === 0 && status >= 400) {
          return this.#answered(status, message.headers?.description ?? "");
        }
        this.#asked--;
        this.#came(message);
      },
    });
  }

  /** Its name. */
  get consumer(): string {
    return this.#options.consumer;
  }

  /** Those that have come and are not taken yet. */
  get waiting(): readonly PulledMessage[] {
    return this.#queue;
  }

  /** There may be room now. */
  ask(): void {
    if (this.#isOver || this.#asked > 0 || this.#queue.length > 0 || this.#isTaking) return;
    const { link, consumer, clock, room } = this.#options;
    const batch = room();
    if (batch <= 0) return;
    this.#asked = batch;
    this.#cancelWait();
    this.#cancelWait = clock.after(WAIT_MS + OVER_MS, () => this.#askAgain());
    const what = { batch, expires: WAIT_MS * NANOSECONDS };
    link.connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${link.address.stream}.${consumer}`,
      JSON.stringify(what),
      { reply: this.#inbox },
    );
  }

  /**
   * Asks for no more, and takes what the server has sent until then. What is put off afterwards does not
   * come back to this request.
   */
  async drain(): Promise<void> {
    const { link, consumer } = this.#options;
    const drained = this.#subscription.drain()
      // Whoever asks has the server drop the request. While 2.9 has only such requests, it drops what
      // is put off, and sends another message twice.
      .then(() => link.manager.consumers.info(link.address.stream, consumer))
      .catch(() => {
        // It is drained already, or its connection has ended.
      });
    await Promise.race([drained, link.ended()]);
  }

  /** Its connection has ended, or will. */
  close(): void {
    this.#isOver = true;
    this.#cancelWait();
    this.#subscription.unsubscribe();
  }

  #came(message: RawMessage): void {
    try {
      this.#queue.push(pulledMessage(message));
    } catch (error) {
      return this.#failed(reasonOf(error));
    }
    this.#takeAll();
  }

  #askAgain(): void {
    this.#asked = 0;
    this.ask();
  }

  #answered(status: number, text: string): void {
    if (status === NO_RESPONDERS) return this.#failed("no server has its consumer now");
    // 404 and 408 say that the time is over; of 409 the next request says what is wrong.
    if (/deleted/i.test(text)) return this.#failed(`its consumer is gone: ${text}`);
    this.#cancelWait();
    this.#asked = 0;
    if (status === 408) this.ask();
    else this.#cancelWait = this.#options.clock.after(OVER_MS, () => this.ask());
  }

  #failed(reason: string): void {
    if (!this.#isOver) this.#options.failed(reason);
  }

  async #takeAll(): Promise<void> {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      for (let [next] = this.#queue; next; [next] = this.#queue) await this.#takeFirst(next);
    } catch (error) {
      this.#failed(reasonOf(error));
    } finally {
      this.#isTaking = false;
    }
    this.ask();
  }

  async #takeFirst(first: PulledMessage): Promise<void> {
    try {
      await this.#options.take(first);
    } finally {
      this.#queue.shift();
    }
  }
}
