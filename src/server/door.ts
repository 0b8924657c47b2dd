/** Takes the connections that wait at a socket, one after the other. */

import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import {
  AcceptTrouble,
  isOfOneConnection,
  MOST_AT_ONCE,
  PAUSE_MS,
  type Troubled,
} from "./trouble.ts";

export interface DoorOptions<T> {
  /** The next connection; rejects for good when the socket is closed. */
  readonly accept: () => Promise<T>;
  readonly admit: (connection: T) => void;
  readonly troubled: Troubled;
  readonly clock: Clock;
}

export class Door<T> {
  readonly #options: DoorOptions<T>;
  readonly #taking: Promise<void>;
  readonly #closing = new AbortController();
  readonly #trouble: AcceptTrouble;

  constructor(options: DoorOptions<T>) {
    this.#options = options;
    this.#trouble = new AcceptTrouble(options.troubled);
    this.#taking = this.#take();
  }

  /** Resolves when no more is accepted. Called before the socket is closed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#taking;
  }

  async #take(): Promise<void> {
    for (let count = 1; !this.#closing.signal.aborted; count++) {
      if (count % MOST_AT_ONCE === 0) await this.#pause(0);
      try {
        const connection = await this.#options.accept();
        this.#trouble.set(null);
        this.#options.admit(connection);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (isOfOneConnection(error)) continue;
        this.#trouble.set(reasonOf(error));
        await this.#pause(PAUSE_MS);
      }
    }
  }

  async #pause(delayMs: number): Promise<void> {
    await pauseOrAbort(this.#options.clock, delayMs, this.#closing.signal);
  }
}
