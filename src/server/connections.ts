/**
 * Every open connection of the program, with one limit for all. When there is no room for another,
 * the one that has kept silent the longest makes room: a crowd of silent ones keeps nobody out.
 */

import { type ConnectionOptions, PeerConnection } from "./connection.ts";
import { RefusalError } from "../wire/refusal.ts";

/** By what it came in. */
export interface Entrance {
  readonly via: unknown;
  /** Null for a unix socket. */
  readonly ip: string | null;
}

interface OpenConnection extends Entrance {
  readonly serving: Promise<void>;
}

export class Connections {
  /** In the order of their last packets. */
  readonly #open = new Map<PeerConnection, OpenConnection>();

  /** @param most a reload may change it */
  constructor(public most: number) {}

  get count(): number {
    return this.#open.size;
  }

  /**
   * @param via the listener that let it in
   * @returns false when there is no room, and nobody who could make some
   */
  serve(options: ConnectionOptions, via: unknown): boolean {
    if (this.#open.size >= this.most && !this.#makeRoom()) return false;
    const connection: PeerConnection = new PeerConnection({
      ...options,
      accept: (task) => {
        this.#touch(connection);
        return options.accept(task);
      },
    });
    const serving = connection.run().finally(() => this.#open.delete(connection));
    this.#open.set(connection, { serving, via, ip: options.stream.ip });
    return true;
  }

  #touch(connection: PeerConnection): void {
    const open = this.#open.get(connection);
    if (open === undefined || !this.#open.delete(connection)) return;
    this.#open.set(connection, open);
  }

  #makeRoom(): boolean {
    for (const connection of this.#open.keys()) {
      if (!connection.isWaiting) continue;
      this.#open.delete(connection);
      connection.end(
        new RefusalError(
          "crowded",
          `closed as the longest silent of ${this.most} connections (spooler-max-connections)`,
          true,
        ),
      );
      return true;
    }
    return false;
  }

  /** Takes no more packets on those that are meant, or on any; resolves when they are closed. */
  async close(isMeant: (entrance: Entrance) => boolean = () => true): Promise<void> {
    const meant = [...this.#open].filter(([_, open]) => isMeant(open));
    for (const [connection] of meant) connection.stop();
    await Promise.all(meant.map(([_, { serving }]) => serving));
  }
}
