/**
 * Opens connections to a target, each after learning what kind of program answers there.
 *
 * With a secret nothing goes to a peer that could not prove who it is, unless the ini says that the
 * target is a uWSGI.
 */

import type { Clock } from "../platform/clock.ts";
import type { dial, DialOptions } from "../wire/dial.ts";
import { greet } from "./greeting.ts";
import { isKeptAlive, type Peer, SILENT, UWSGI } from "../wire/peer.ts";
import type { TargetKind } from "./settings.ts";

export type Dial = typeof dial;

export interface ConnectorOptions {
  readonly address: DialOptions["address"];
  readonly tls?: DialOptions["tls"];
  /** What the ini says that the target is. */
  readonly kind: TargetKind;
  /** What its tasks are signed with; null is no signature. */
  readonly secret: string | null;
  /** The name that it must have; null is any. */
  readonly receiver: string | null;
  readonly clock: Clock;
  readonly dial: Dial;
}

export interface Connected {
  readonly socket: Deno.Conn;
  readonly peer: Peer;
}

const CONNECT_TIMEOUT_MS = 10_000;
const GREETING_TIMEOUT_MS = 5_000;
/** A uWSGI is pinged again after so long: it may have become one of this program. */
const ASK_AGAIN_MS = 30_000;
/** Pings in a row at which a peer may hang up before it is taken for a uWSGI without ping plugin. */
const SILENT_PINGS = 3;

export class Connector {
  readonly #options: ConnectorOptions;
  #peer: Peer | null = null;
  /** On the monotonic clock. */
  #askAgainAt = -Infinity;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    if (options.kind === "uwsgi") {
      this.#peer = UWSGI;
      this.#askAgainAt = Infinity;
    }
  }

  /** What it was when it was last asked; null when nothing is known. */
  get peer(): Peer | null {
    return this.#peer;
  }

  /** Something went wrong: another program may be there now. */
  askAgain(): void {
    if (this.#options.kind !== "uwsgi") this.#askAgainAt = -Infinity;
  }

  /** @throws {Error} when nobody answers, or nobody who may have the tasks */
  async connect(): Promise<Connected> {
    const { clock } = this.#options;
    const isKept = this.#peer !== null && isKeptAlive(this.#peer);
    if (this.#peer === null || isKept || clock.monotonic() >= this.#askAgainAt) {
      const connected = await this.#ask();
      if (connected) return connected;
    }
    return { socket: await this.#dial(), peer: this.#peer ?? SILENT };
  }

  /** Learns who is there. @returns the connection, where it can go on */
  async #ask(): Promise<Connected | null> {
    const { clock, secret } = this.#options;
    const pings = this.#peer === SILENT ? 1 : SILENT_PINGS;
    for (let silent = 0; silent < pings; silent++) {
      const socket = await this.#dial();
      const peer = await greet(socket, { clock, secret, timeoutMs: GREETING_TIMEOUT_MS });
      if (peer === null) {
        this.#refuseSilent();
        continue;
      }
      try {
        this.#refuseImpostor(peer);
      } catch (error) {
        socket.close();
        throw error;
      }
      this.#learn(peer);
      if (isKeptAlive(peer)) return { socket, peer };
      socket.close();
      return null;
    }
    this.#learn(SILENT);
    return null;
  }

  /** Who hangs up at a ping gets tasks only where neither a secret nor TLS is to protect them. */
  #refuseSilent(): void {
    const { kind, secret, tls } = this.#options;
    if (kind !== "spooler" && secret === null && tls === undefined) return;
    const what = "it closes the connection at a ping, as a uWSGI without the ping plugin does";
    if (kind === "spooler") throw new Error(`${what}, and the ini says kind=spooler`);
    const why = secret !== null
      ? "a uWSGI cannot check signatures"
      : "or it rejected our certificate";
    throw new Error(`${what}; ${why}; ${howToAllow(secret !== null)}`);
  }

  #refuseImpostor(peer: Peer): void {
    const { kind, secret, receiver } = this.#options;
    if (peer.kind === "spooler" && receiver !== null && peer.receiver !== receiver) {
      throw new Error(`its spooler-name is "${peer.receiver}", and the ini says name=${receiver}`);
    }
    if (peer.kind === "spooler" || (kind === "auto" && secret === null)) return;
    const what = "it answers pings as a uWSGI does";
    if (kind === "spooler") throw new Error(`${what}, and the ini says kind=spooler`);
    throw new Error(`${what}; a uWSGI cannot check signatures; ${howToAllow(true)}`);
  }

  #learn(peer: Peer): void {
    this.#peer = peer;
    this.#askAgainAt = this.#options.clock.monotonic() + ASK_AGAIN_MS;
  }

  #dial(): Promise<Deno.Conn> {
    const { address, tls, dial, clock } = this.#options;
    return dial({ address, ...(tls ? { tls } : {}), timeoutMs: CONNECT_TIMEOUT_MS, clock });
  }
}

function howToAllow(hasSecret: boolean): string {
  const unsigned = hasSecret ? ", unsigned" : "";
  return `if it is to get tasks${unsigned}, set kind=uwsgi on its spooler-forward2`;
}
