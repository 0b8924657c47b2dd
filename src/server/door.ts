/**
 * Takes the connections that wait at a socket, one after the other. An error of accept(2) belongs to
 * one connection, which is gone then and costs nobody else any time, or to the system, which gets a
 * pause: it may have no descriptor or no memory left.
 */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";

export interface DoorOptions<T> {
  /** The next connection; rejects for good when the socket is closed. */
  readonly accept: () => Promise<T>;
  readonly admit: (connection: T) => void;
  /** Called when the system cannot take connections, and, with null, when it can again. */
  readonly troubled: (reason: string | null) => void;
  readonly clock: Clock;
}

/** How long to wait when the system cannot take a connection now. */
const PAUSE_MS = 100;
/**
 * Connections that are taken one right after the other. Those in the backlog are there at once, and
 * while it is refilled as fast as it is emptied nobody else would get a turn.
 */
const MOST_AT_ONCE = 32;

export class Door<T> {
  readonly #options: DoorOptions<T>;
  readonly #taking: Promise<void>;
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #isTroubled = false;

  constructor(options: DoorOptions<T>) {
    this.#options = options;
    this.#taking = this.#take();
  }

  /** Resolves when no more is accepted. Called before the socket is closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closed.resolve();
    await this.#taking;
  }

  async #take(): Promise<void> {
    for (let count = 1; !this.#isClosed; count++) {
      if (count % MOST_AT_ONCE === 0) await this.#pause(0);
      try {
        const connection = await this.#options.accept();
        this.#setTrouble(null);
        this.#options.admit(connection);
      } catch (error) {
        if (this.#isClosed) return;
        if (isOfOneConnection(error)) continue;
        this.#setTrouble(reasonOf(error));
        await this.#pause(PAUSE_MS);
      }
    }
  }

  #setTrouble(reason: string | null): void {
    const isNews = (reason !== null) !== this.#isTroubled;
    this.#isTroubled = reason !== null;
    if (isNews) this.#options.troubled(reason);
  }

  async #pause(delayMs: number): Promise<void> {
    const waited = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(delayMs, waited.resolve);
    await Promise.race([waited.promise, this.#closed.promise]);
    cancel();
  }
}

/**
 * What accept(2) passes on from a connection that broke while it waited, and what its address says
 * when it has none any more; EPERM is a firewall's. ENOTCONN is the usual one: the peer has reset it.
 */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EINTR",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "ENOTCONN",
  "EOPNOTSUPP",
  "EPERM",
  "EPIPE",
  "EPROTO",
  "ETIMEDOUT",
]);

const { ConnectionAborted, ConnectionReset, NotConnected } = Deno.errors;

/** Whether an error of accept is over with its connection; every other is the system's. */
export function isOfOneConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && typeof error.code === "string") return OF_ONE_CONNECTION.has(error.code);
  return [ConnectionAborted, ConnectionReset, NotConnected].some((kind) => error instanceof kind);
}
