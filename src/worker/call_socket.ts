/**
 * Where processes that task code has forked ask for what a worker may ask for. The connection of the
 * worker is not theirs: two processes would cut each other short on it. And a child that leaves its
 * worker's process group may outlive it, so this socket is there as long as the workers of its spool
 * are.
 */

import { acceptOwn, listenPrivately } from "../platform/unix_socket.ts";
import type { Clock } from "../platform/clock.ts";
import { Channel } from "./channel.ts";
import { ProtocolError } from "./frame.ts";
import type { WorkerCall } from "./worker_listener.ts";

export interface CallSocketOptions {
  /** In a directory that only this user can write to. */
  readonly path: string;
  /** Of the workers; absent or null is this user. */
  readonly owner?: number | null;
  readonly clock: Clock;
  /** Rejects with the error for the child. */
  call(call: WorkerCall): Promise<unknown>;
}

/** The system has no descriptor left: clients wait, and so does this. */
const RETRY_MS = 100;

export class CallSocket implements AsyncDisposable {
  readonly #options: CallSocketOptions;
  readonly #listener: Deno.UnixListener;
  readonly #talks = new Map<Channel, Promise<void>>();
  readonly #accepting: Promise<void>;
  #isClosed = false;

  /** @throws {Deno.errors} when the socket cannot be made */
  constructor(options: CallSocketOptions) {
    this.#options = options;
    this.#listener = listenPrivately(options.path, options.owner);
    this.#accepting = this.#accept();
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const connection = new Channel(await acceptOwn(this.#listener, this.#options.owner));
        if (this.#isClosed) connection.close();
        else this.#talks.set(connection, this.#talk(connection));
      } catch {
        if (this.#isClosed) return;
        await new Promise<void>((resolve) => this.#options.clock.after(RETRY_MS, resolve));
      }
    }
  }

  /** Answers one call after the other, until the child hangs up or says anything else. */
  async #talk(connection: Channel): Promise<void> {
    try {
      for await (const { message, tail } of connection.received()) {
        if (message.type !== "call") return;
        const { id, method, args } = message;
        await connection.reply(id, this.#options.call({ method, args, tail, worker: null }));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      connection.close();
      this.#talks.delete(connection);
    }
  }

  /** Hangs up; resolves when what was asked for has been done. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.#listener.close();
    this.#isClosed = true;
    for (const connection of this.#talks.keys()) connection.close();
    await Promise.all([this.#accepting, ...this.#talks.values()]);
  }
}
