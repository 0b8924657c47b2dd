/** Takes the connections that wait at a listening socket of a poll loop. */

import type { Cancel, Clock } from "../platform/clock.ts";
import { EAGAIN } from "../platform/linux.ts";
import { EPOLLIN, type SocketCalls, socketError } from "../platform/socket_calls.ts";
import { addressText } from "../wire/address.ts";
import type { Credential } from "../wire/pickle_rule.ts";
import type { Conversation } from "./conversation.ts";
import type { LoneConnection } from "./lone_tasks.ts";
import type { PollLoop, Watched } from "../platform/poll_loop.ts";
import { SocketTransport } from "./socket_transport.ts";
import type { PeerIdentity } from "./transport.ts";
import {
  AcceptTrouble,
  isOfOneConnection,
  MOST_AT_ONCE,
  PAUSE_MS,
  type Troubled,
} from "./trouble.ts";

export interface SocketDoorOptions {
  readonly fd: number;
  readonly credential: Credential;
  readonly loop: PollLoop;
  readonly calls: SocketCalls;
  readonly clock: Clock;
  readonly admit: (accepted: LoneConnection) => void;
  readonly troubled: Troubled;
}

export class SocketDoor implements Watched {
  readonly #options: SocketDoorOptions;
  #cancelPause: Cancel | null = null;
  readonly #trouble: AcceptTrouble;
  /** As many as came together last. */
  #expected = 1;
  readonly #unixPeer: PeerIdentity;

  /** @throws {Error} when the system has no room for it */
  constructor(options: SocketDoorOptions) {
    this.#options = options;
    const { credential } = options;
    this.#unixPeer = { from: "unix socket", ip: null, credential, sender: "unix" };
    this.#trouble = new AcceptTrouble(options.troubled);
    options.loop.watch(options.fd, EPOLLIN, this);
  }

  get fd(): number {
    return this.#options.fd;
  }

  ready(): void {
    // One more accept that finds nothing costs as much as another round.
    for (let count = 0; count < this.#expected; count++) {
      if (this.#accept()) continue;
      this.#expected = Math.max(1, count);
      return;
    }
    this.#expected = Math.min(2 * this.#expected, MOST_AT_ONCE);
  }

  /** Takes what waits, and nothing more; closes the socket. */
  close(): void {
    const { loop, fd } = this.#options;
    while (this.#cancelPause === null && this.#accept()) { /* there may be more */ }
    this.#cancelPause?.();
    loop.unwatch(fd);
    loop.close(fd);
  }

  /** @returns whether more may wait */
  #accept(): boolean {
    const { fd, calls, loop, admit } = this.#options;
    const accepted = calls.accept(fd);
    if (accepted === -EAGAIN) return false;
    if (accepted < 0) {
      const error = socketError("accept", -accepted);
      if (isOfOneConnection(error)) return true;
      this.#pause(error.message);
      return false;
    }
    this.#trouble.set(null);
    admit(new SocketConnection(this.#peerOf(), accepted, loop, calls));
    return true;
  }

  #peerOf(): PeerIdentity {
    const { credential, calls } = this.#options;
    const address = calls.acceptedPeer();
    if (address === null) return this.#unixPeer;
    const { host, port } = address;
    const from = addressText({ kind: "tcp", host, port });
    return { from, ip: host, credential, sender: host };
  }

  #pause(reason: string): void {
    const { loop, fd, clock } = this.#options;
    this.#trouble.set(reason);
    // To watch it anew could fail: the system has no room.
    loop.change(fd, 0);
    this.#cancelPause = clock.after(PAUSE_MS, () => {
      this.#cancelPause = null;
      loop.change(fd, EPOLLIN);
    });
  }
}

class SocketConnection implements LoneConnection {
  constructor(
    readonly peer: PeerIdentity,
    private readonly fd: number,
    private readonly loop: PollLoop,
    private readonly calls: SocketCalls,
  ) {}

  makeTransport(conversation: Conversation): SocketTransport {
    return new SocketTransport(this.peer, this.fd, this.loop, this.calls, conversation);
  }

  turnAway(answer: Uint8Array<ArrayBuffer>): void {
    this.calls.send(this.fd, answer);
    this.calls.close(this.fd);
  }

  receive(into: Uint8Array<ArrayBuffer>): number {
    return this.calls.receive(this.fd, into);
  }

  close(answer: Uint8Array<ArrayBuffer> | null): Error | null {
    const { calls, fd } = this;
    // Nothing was sent to it before: there is room for an answer.
    const sent = answer === null ? 0 : calls.send(fd, answer);
    calls.close(fd);
    return sent < 0 ? socketError("send", -sent) : null;
  }
}
