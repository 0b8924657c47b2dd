/**
 * The open connections to one target: as many as there is work for, up to what the ini allows, and none
 * that relies for long on an old answer of DNS.
 */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Address } from "../wire/address.ts";
import { type Break, ClientConnection } from "./client_connection.ts";
import type { Connector } from "./connector.ts";
import type { Patience } from "./patience.ts";
import { isKeptAlive, WINDOW } from "../wire/peer.ts";

export interface TargetConnectionsOptions {
  readonly address: Address;
  readonly secret: string | null;
  readonly connector: Connector;
  readonly patience: Patience;
  /** Open at the same time, at most; one more while it replaces another. */
  readonly most: number;
  readonly clock: Clock;
  /** Whether more may be opened now. */
  mayOpen(): boolean;
  /** Called when one has ended; null is an end that is nobody's fault. */
  ended(how: Break | null): void;
  /** Called when the only one could not be opened. */
  failed(reason: string): void;
  /** Called when there may be room again. */
  room(): void;
}

/** Well below the minute after which this program hangs up on the idle. */
const IDLE_MS = 10_000;
/** A connection that waits keeps a worker of a uWSGI from everybody else. */
const PLAIN_IDLE_MS = 500;
/** One to a name is replaced when it is so old: the name may have another address by now. */
const LOOK_UP_AGAIN_MS = 60_000;
/** Times of deliveries differ by so much. */
const STAMP_STEP_MS = 0.001;
/** After a further connection could not be opened, those that are must do for so long. */
const ENOUGH_MS = 1_000;

export class TargetConnections {
  readonly #options: TargetConnectionsOptions;
  readonly #open = new Set<ClientConnection>();
  #opening = 0;
  #replacing = false;
  #enoughUntil = 0;
  #lookUpAgainAt = 0;
  #lastStamp = 0;
  #closed = false;

  constructor(options: TargetConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether the peer takes many tasks on a connection. */
  get areKeptAlive(): boolean {
    const { peer } = this.#options.connector;
    return peer !== null && isKeptAlive(peer);
  }

  /** The one with the most room; undefined when none has any. */
  roomiest(): ClientConnection | undefined {
    let best: ClientConnection | undefined;
    for (const connection of this.#open) {
      // With one connection tasks keep their order, also while another replaces it.
      if (connection.isRetired && this.#options.most === 1) return undefined;
      if (connection.room > (best?.room ?? 0)) best = connection;
    }
    return best;
  }

  /** Opens what is missing for so many tasks that have no connection. */
  want(tasks: number): void {
    this.#replaceOld();
    // Who is there must be known before a second connection makes sense.
    const wanted = this.#options.connector.peer === null ? Math.min(1, tasks) : tasks;
    while (this.#opening < wanted && this.#mayOpen()) this.#openOne();
  }

  /** @throws {Error} when nobody answers, or nobody who may have the tasks */
  async connect(): Promise<void> {
    const { connector, clock, secret, patience } = this.#options;
    const { socket, peer } = await connector.connect();
    if (this.#closed) return socket.close();
    const connection: ClientConnection = new ClientConnection({
      ...{ socket, peer, secret, clock, window: WINDOW, timeoutMs: patience.ms },
      idleMs: isKeptAlive(peer) ? IDLE_MS : PLAIN_IDLE_MS,
      stamp: () => this.#stamp(),
      ended: (how) => {
        this.#open.delete(connection);
        this.#options.ended(how);
      },
      room: () => this.#options.room(),
    });
    this.#open.add(connection);
    this.#lookUpAgainAt = clock.monotonic() + LOOK_UP_AGAIN_MS;
  }

  /** Gives no more tasks to those that are open. */
  retire(): void {
    for (const connection of [...this.#open]) connection.retire();
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#open]) connection.close();
  }

  #mayOpen(): boolean {
    const { mayOpen, most, clock } = this.#options;
    if (!mayOpen() || this.size + this.#opening >= most) return false;
    return this.size === 0 || clock.monotonic() >= this.#enoughUntil;
  }

  async #openOne(): Promise<void> {
    this.#opening++;
    try {
      await this.connect();
    } catch (error) {
      if (this.size === 0) this.#options.failed(reasonOf(error));
      else this.#enoughUntil = this.#options.clock.monotonic() + ENOUGH_MS;
    } finally {
      this.#opening--;
    }
    this.#options.room();
    if (!this.areKeptAlive) this.#closeIdle();
  }

  #closeIdle(): void {
    for (const connection of [...this.#open]) {
      if (connection.load === 0) connection.close();
    }
  }

  /** Resolves the target's name again; while that fails, the old connections go on. */
  async #replaceOld(): Promise<void> {
    const { address, clock, room } = this.#options;
    const old = [...this.#open].filter((each) => !each.isRetired);
    const isDue = old.length > 0 && clock.monotonic() >= this.#lookUpAgainAt;
    if (!isDue || this.#replacing || this.#closed || !isNamed(address)) return;
    this.#replacing = true;
    try {
      await this.connect();
      for (const connection of old) connection.retire();
    } catch {
      this.#lookUpAgainAt = clock.monotonic() + LOOK_UP_AGAIN_MS;
    } finally {
      this.#replacing = false;
    }
    room();
  }

  #stamp(): number {
    this.#lastStamp = Math.max(this.#options.clock.now(), this.#lastStamp + STAMP_STEP_MS);
    return this.#lastStamp;
  }
}

/** Whether its name has to be resolved. */
function isNamed(address: Address): boolean {
  return address.kind === "tcp" && /[a-z]/i.test(address.host) && !address.host.includes(":");
}
