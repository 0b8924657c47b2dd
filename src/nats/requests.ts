/**
 * Requests to a server, many at a time. All of them share one subscription and one timer: the client's
 * own `request()` makes a timer, a random token and four promises for each, which took longer than all
 * the rest of a task's way into a stream.
 */

import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/nats-core";
import type * as Library from "./library.ts";

export type RequestsLibrary = Pick<typeof Library, "createInbox" | "PermissionViolationError">;

/** Nobody has subscribed to the subject of a request: there is no such stream, or no leader now. */
export class NobodyListensError extends Error {
  override readonly name = "NobodyListensError";
}

interface OpenRequest {
  readonly subject: string;
  /** The turn of the timer in which it was sent. */
  readonly turn: number;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (reason: Error) => void;
}

/** A request has its timeout, and at most so much of it more. */
const TURNS = 8;
const NO_RESPONDERS = 503;

export class Requests {
  readonly #connection: NatsConnection;
  readonly #turnMs: number;
  readonly #prefix: string;
  /** In the order in which they were sent. */
  readonly #open = new Map<string, OpenRequest>();
  #count = 0;
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: NatsConnection, library: RequestsLibrary, timeoutMs: number) {
    this.#connection = connection;
    this.#turnMs = timeoutMs / TURNS;
    this.#prefix = `${library.createInbox()}.`;
    connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => error ? this.#endAll(error) : this.#answered(message),
    });
    connection.closed().then((error) =>
      this.#endAll(error ?? new Error("the connection was closed"))
    );
    this.#watch(library);
  }

  /** @throws {Error} when no answer comes in time: nobody knows whether it was heard */
  send(subject: string, data: Uint8Array | string, headers?: MsgHdrs): Promise<Msg> {
    const token = String(++this.#count);
    return new Promise((resolve, reject) => {
      this.#open.set(token, { subject, turn: this.#turn, resolve, reject });
      try {
        const reply = this.#prefix + token;
        this.#connection.publish(subject, data, headers ? { reply, headers } : { reply });
      } catch (error) {
        this.#open.delete(token);
        throw error;
      }
      this.#timer ??= setTimeout(this.#nextTurn, this.#turnMs);
    });
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#prefix.length);
    const request = this.#open.get(token);
    if (request === undefined) return;
    this.#open.delete(token);
    const isStatus = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
    if (!isStatus) return request.resolve(message);
    request.reject(new NobodyListensError(`nobody listens to ${request.subject}`));
  }

  readonly #nextTurn = (): void => {
    this.#turn++;
    for (const [token, { turn, reject }] of this.#open) {
      if (this.#turn - turn <= TURNS) break;
      this.#open.delete(token);
      reject(new Error("timeout"));
    }
    this.#timer = this.#open.size === 0 ? undefined : setTimeout(this.#nextTurn, this.#turnMs);
  };

  /** What a login may not publish has no answer but this. */
  async #watch({ PermissionViolationError }: RequestsLibrary): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== "error" || !(status.error instanceof PermissionViolationError)) continue;
      for (const [token, { subject, reject }] of this.#open) {
        if (subject !== status.error.subject) continue;
        this.#open.delete(token);
        reject(status.error);
        break;
      }
    }
  }

  #endAll(reason: Error): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { reject } of this.#open.values()) reject(reason);
    this.#open.clear();
  }
}
