/**
 * Every open connection, with one limit for all. When there is no room for another, the one that has
 * kept silent the longest makes room: a crowd of silent ones keeps nobody out.
 */

import {
  type Carrier,
  Conversation,
  type ConversationOptions,
  type ConversationOwner,
} from "./conversation.ts";
import { RefusalError } from "../wire/refusal.ts";

/** By what it came in. */
export interface Entrance {
  readonly via: unknown;
  /** Null for a unix socket. */
  readonly ip: string | null;
}

export class Connections implements ConversationOwner {
  /** In the order of their last packets; with the socket that let them in. */
  readonly #open = new Map<Conversation, unknown>();
  /** Who waits for connections to close. */
  readonly #closing = new Set<() => void>();

  /** @param most a reload may change it */
  constructor(public most: number) {}

  get count(): number {
    return this.#open.size;
  }

  /**
   * Whether one more may be let in; the one that has kept silent the longest may have to make room.
   *
   * @param others that are open and have no conversation
   */
  hasRoom(others = 0): boolean {
    return this.#open.size + others < this.most || this.#makeRoom();
  }

  /** @param via the socket that let it in */
  serve(options: ConversationOptions, carrier: Carrier, via: unknown): Conversation {
    const conversation = new Conversation(options, this, carrier);
    this.#open.set(conversation, via);
    conversation.start();
    return conversation;
  }

  active(conversation: Conversation): void {
    // The only one is the last.
    if (this.#open.size === 1) return;
    const via = this.#open.get(conversation);
    if (this.#open.delete(conversation)) this.#open.set(conversation, via);
  }

  finished(conversation: Conversation): void {
    this.#open.delete(conversation);
    for (const check of this.#closing) check();
  }

  #makeRoom(): boolean {
    for (const conversation of this.#open.keys()) {
      if (!conversation.isWaiting) continue;
      this.#open.delete(conversation);
      conversation.end(
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
    const meant = [...this.#open].flatMap(([conversation, via]) =>
      isMeant({ via, ip: conversation.peer.ip }) ? [conversation] : []
    );
    for (const conversation of meant) conversation.stop();
    const closed = Promise.withResolvers<void>();
    const check = () => {
      if (meant.every((conversation) => !this.#open.has(conversation))) closed.resolve();
    };
    this.#closing.add(check);
    check();
    await closed.promise;
    this.#closing.delete(check);
  }
}
