/**
 * Lets connections in: from those who may talk, as long as there is room. What is said on them is
 * src/server/connection.ts's business.
 */

import { REFUSED } from "../wire/answer.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { Connections, Entrance } from "./connections.ts";
import type { Listening, Serving } from "./listening.ts";
import { isInNetwork, type Network } from "../wire/network.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { PeerStream } from "./stream.ts";

export interface ListenerOptions extends Omit<ConnectionOptions, "stream"> {
  readonly listening: Listening;
  readonly connections: Connections;
  /** Who may connect by IP; null is everybody. Unix sockets have permissions instead. */
  readonly allow: readonly Network[] | null;
  /** Called when the system cannot take connections, and, with null, when it can again. */
  readonly troubled: (reason: string | null) => void;
}

export class Listener {
  #options: ListenerOptions;
  readonly #serving: Serving;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { listening, clock } = options;
    this.#serving = listening.serve({
      admit: (stream) => this.#letIn(stream),
      troubled: (reason) => this.#options.troubled(reason),
      clock,
    });
  }

  /** Where it listens, with the port the system chose when the ini said 0. */
  get address(): string {
    return this.#options.listening.address;
  }

  get listening(): Listening {
    return this.#options.listening;
  }

  /**
   * From now on it serves by these options; only the limits of a connection stay those it began with.
   * Its socket stays the one it has.
   */
  use(options: ListenerOptions): void {
    this.#options = options;
    const isOurs = ({ via, ip }: Entrance) => via === this && !this.#isAllowed(ip);
    options.connections.close(isOurs);
  }

  /** Takes no more connections; those that are open end when they have their answers. */
  async close(): Promise<void> {
    await this.#serving.close();
    this.#options.connections.close(({ via }) => via === this);
  }

  #isAllowed(ip: string | null): boolean {
    const { allow } = this.#options;
    return ip === null || allow === null || allow.some((network) => isInNetwork(ip, network));
  }

  #letIn(stream: PeerStream): void {
    const { connections } = this.#options;
    if (!this.#isAllowed(stream.ip)) {
      return this.#turnAway(stream, new RefusalError("denied", "not in spooler-allow"));
    }
    if (!connections.serve({ ...this.#options, ...this.#current, stream }, this)) {
      const message = "every connection is busy, and there may be no more " +
        "(spooler-max-connections)";
      this.#turnAway(stream, new RefusalError("crowded", message, true));
    }
  }

  /** What a reload changes for connections that are open, too. */
  readonly #current: Pick<ListenerOptions, "accept" | "identify" | "refused"> = {
    accept: (task) => this.#options.accept(task),
    identify: (bytes, vars) => this.#options.identify(bytes, vars),
    refused: (from, refusal) => this.#options.refused(from, refusal),
  };

  #turnAway(stream: PeerStream, refusal: RefusalError): void {
    this.#options.refused(stream.from, refusal);
    stream.write(REFUSED).catch(() => {}).finally(() => stream.close());
  }
}
