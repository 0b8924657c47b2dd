/** A connection of a poll loop: a descriptor, and its conversation. */

import { EAGAIN } from "../platform/linux.ts";
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  type SocketCalls,
  socketError,
} from "../platform/socket_calls.ts";
import type { Conversation } from "./conversation.ts";
import type { PollLoop, Watched } from "../platform/poll_loop.ts";
import type { PeerIdentity, Transport } from "./transport.ts";

export class SocketTransport implements Transport, Watched {
  #isWanted = false;
  /** It is read from at the end of this round of the loop. */
  #isReadSoon = false;
  /** Events that the loop watches for; null when it does not. */
  #watched: number | null = null;
  /** Of an answer, what there was no room for. */
  #rest: Uint8Array<ArrayBuffer> | null = null;
  #isClosed = false;

  constructor(
    readonly peer: PeerIdentity,
    private readonly fd: number,
    private readonly loop: PollLoop,
    private readonly calls: SocketCalls,
    private readonly conversation: Conversation,
  ) {}

  read(isWanted: boolean): void {
    // Whether the loop watches for what is not wanted is found out when it comes.
    this.#isWanted = isWanted;
    const isWatched = this.#watched !== null && (this.#watched & EPOLLIN) !== 0;
    if (!isWanted || this.#isReadSoon || isWatched) return;
    this.#isReadSoon = true;
    this.loop.soon(() => {
      this.#isReadSoon = false;
      if (this.#isWanted) this.#receive();
    });
  }

  #receive(): void {
    if (this.#isClosed) return;
    const conversation = this.conversation;
    const space = conversation.space();
    const count = this.calls.receive(this.fd, space);
    if (count > 0) conversation.came(count);
    else if (count === 0) {
      this.#isWanted = false;
      conversation.ended();
    } else if (count !== -EAGAIN) {
      this.#isWanted = false;
      conversation.broke(socketError("recv", -count));
    }
    if (this.#isWanted && !this.#isClosed) this.#watch();
  }

  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    const count = this.calls.send(this.fd, bytes);
    if (count === bytes.length) return true;
    if (count < 0 && count !== -EAGAIN) {
      this.conversation.broke(socketError("send", -count));
      return false;
    }
    this.#rest = bytes.subarray(Math.max(0, count));
    this.#watch();
    return false;
  }

  ready(events: number): void {
    if (this.#rest !== null && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) !== 0) this.#sendRest();
    if (this.#isClosed || (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) === 0) return;
    if (this.#isWanted) this.#receive();
    else this.#watch();
  }

  #sendRest(): void {
    const rest = this.#rest;
    this.#rest = null;
    if (rest === null || !this.send(rest)) return;
    this.#watch();
    this.conversation.sent();
  }

  /** Has the loop watch for what is waited for, and no longer for what is not. */
  #watch(): void {
    if (this.#isClosed) return;
    const events = (this.#isWanted ? EPOLLIN : 0) | (this.#rest !== null ? EPOLLOUT : 0);
    if (events === (this.#watched ?? 0)) return;
    const wasWatched = this.#watched !== null;
    // A connection that broke would be said to be ready, again and again, for no events at all.
    this.#watched = events === 0 ? null : events;
    if (events === 0) this.loop.unwatch(this.fd);
    else if (wasWatched) this.loop.change(this.fd, events);
    else this.#begin(events);
  }

  #begin(events: number): void {
    try {
      this.loop.watch(this.fd, events, this);
    } catch (error) {
      this.#watched = null;
      this.loop.soon(() => this.conversation.broke(error));
    }
  }

  closeWrite(): void {
    this.calls.closeWrite(this.fd);
  }

  close(): void {
    this.#isClosed = true;
    this.#isWanted = false;
    this.loop.close(this.fd);
  }
}
