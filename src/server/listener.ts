/**
 * Lets connections in: from those who may talk, as long as there is room. What is said on them is
 * src/server/connection.ts's business. Running out of descriptors is told once and ends by itself.
 */

import { REFUSED } from "../wire/answer.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { Listening } from "./listening.ts";
import { isInNetwork, type Network } from "../wire/network.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Stream } from "./stream.ts";
import { reasonOf } from "../platform/reason.ts";

export interface ListenerOptions extends Omit<ConnectionOptions, "stream"> {
  readonly listening: Listening;
  readonly connections: Connections;
  /** Who may connect by IP; null is everybody. Unix sockets have permissions instead. */
  readonly allow: readonly Network[] | null;
  /** Told when the system cannot take connections, and, with null, when it can again. */
  readonly troubled: (reason: string | null) => void;
}

/** How long to wait when the system cannot take a connection now. */
const BACKOFF_MS = 100;
/**
 * Connections that are let in one right after the other. Those that wait in the backlog are there at
 * once, and while it is being refilled as fast as it is emptied nobody else would get a turn.
 */
const MOST_AT_ONCE = 32;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #accepting: Promise<void>;
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#accepting = this.#accept();
  }

  /** Where it listens, with the port the system chose when the ini said 0. */
  get address(): string {
    return this.#options.listening.address;
  }

  /** Takes no more connections; those that are open go on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closed.resolve();
    this.#options.listening.close();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const { listening, troubled } = this.#options;
    let isTroubled = false;
    for (let count = 1; !this.#isClosed; count++) {
      try {
        this.#letIn(await listening.accept());
        if (count % MOST_AT_ONCE === 0) await this.#pause(0);
        if (isTroubled) troubled(null);
        isTroubled = false;
      } catch (error) {
        if (this.#isClosed) return;
        if (error instanceof Deno.errors.ConnectionAborted) continue;
        if (!isTroubled) troubled(reasonOf(error));
        isTroubled = true;
        await this.#pause(BACKOFF_MS);
      }
    }
  }

  async #pause(delayMs: number): Promise<void> {
    const waited = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(delayMs, waited.resolve);
    await Promise.race([waited.promise, this.#closed.promise]);
    cancel();
  }

  #letIn(stream: Stream): void {
    const { allow, connections } = this.#options;
    const { ip } = stream;
    if (ip !== null && allow !== null && !allow.some((network) => isInNetwork(ip, network))) {
      return this.#turnAway(stream, new RefusalError("denied", "not in spooler-allow"));
    }
    if (!connections.serve({ ...this.#options, stream })) {
      const message = "every connection is busy, and there may be no more " +
        "(spooler-max-connections)";
      this.#turnAway(stream, new RefusalError("crowded", message, true));
    }
  }

  #turnAway(stream: Stream, refusal: RefusalError): void {
    this.#options.refused(stream.from, refusal);
    stream.write(REFUSED).catch(() => {}).finally(() => stream.close());
  }
}
