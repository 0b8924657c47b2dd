/**
 * Every open connection of the program, with one limit for all. When there is no room for another,
 * the one that has kept silent the longest makes room: a crowd of silent ones keeps nobody out.
 */

import { type ConnectionOptions, PeerConnection } from "./connection.ts";
import { RefusalError } from "../wire/refusal.ts";

export class Connections {
  /** In the order of their last packets. */
  readonly #open = new Map<PeerConnection, Promise<void>>();

  constructor(private readonly most: number) {}

  get count(): number {
    return this.#open.size;
  }

  /** @returns false when there is no room, and nobody who could make some */
  serve(options: ConnectionOptions): boolean {
    if (this.#open.size >= this.most && !this.#makeRoom()) return false;
    const connection: PeerConnection = new PeerConnection({
      ...options,
      accept: (task) => {
        this.#touch(connection);
        return options.accept(task);
      },
    });
    const serving = connection.run().finally(() => this.#open.delete(connection));
    this.#open.set(connection, serving);
    return true;
  }

  #touch(connection: PeerConnection): void {
    const serving = this.#open.get(connection);
    if (serving === undefined || !this.#open.delete(connection)) return;
    this.#open.set(connection, serving);
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

  /** Takes no more packets; resolves when every connection is closed. */
  async close(): Promise<void> {
    for (const connection of this.#open.keys()) connection.stop();
    await Promise.all(this.#open.values());
  }
}
