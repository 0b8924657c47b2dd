/** Clients that mean no harm: what they wait, and the tasks whose acceptance they were sent. */

import { pause } from "../../support/until.ts";
import {
  decodeHeader,
  encodePacket,
  HEADER_SIZE,
  MODIFIER_SPOOL,
} from "../../../src/wire/packet.ts";
import { varsOf } from "../../support/store.ts";

/** What clients have seen since the last one. */
export interface Report {
  /** Of each task that was accepted at its first delivery, in ms. */
  readonly latencies: readonly number[];
  readonly accepted: readonly string[];
  /** Deliveries without a yes, in all. */
  readonly failures: number;
  /** Tasks that were given up, in all. */
  readonly refusedLong: number;
}

/** Between two tasks of a client. */
const PAUSE_MS = 15;
/** After an answer that did not come. */
const RETRY_MS = 50;
const CLIENTS = 2;
const PATIENCE_MS = 60_000;

export class Clients {
  failures = 0;
  refusedLong = 0;
  readonly #accepted: string[] = [];
  readonly #latencies: number[] = [];
  #count = 0;
  #isOver = false;
  readonly #running: Promise<void>[];

  constructor(private readonly port: number) {
    this.#running = Array.from({ length: CLIENTS }, () => this.#run());
  }

  /** Resolves when every task that was begun is accepted. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  /** The latencies since the last call. */
  take(): number[] {
    return this.#latencies.splice(0);
  }

  /** What was accepted since the last call. */
  takeAccepted(): string[] {
    return this.#accepted.splice(0);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#put(String(++this.#count));
      await pause(PAUSE_MS);
    }
  }

  async #put(n: string): Promise<void> {
    const startedAt = performance.now();
    let isFirst = true;
    while (!(await this.#deliver(n))) {
      isFirst = false;
      this.failures++;
      if (performance.now() > startedAt + PATIENCE_MS) return void this.refusedLong++;
      await pause(RETRY_MS);
    }
    this.#accepted.push(n);
    if (isFirst) this.#latencies.push(performance.now() - startedAt);
  }

  async #deliver(n: string): Promise<boolean> {
    const vars = varsOf({ ud_spool_func: "count", n, spooler_id: `client-${n}` });
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
      await connection.write(encodePacket(vars, MODIFIER_SPOOL));
      const answer = new Uint8Array(HEADER_SIZE);
      const count = await connection.read(answer);
      return count === HEADER_SIZE && decodeHeader(answer).modifier2 === 1;
    } catch {
      return false;
    }
  }
}

/** The value that 99 of 100 do not exceed. */
export function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))] ?? 0;
}
