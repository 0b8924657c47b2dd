/** Clients that mean no harm: what they wait, and the tasks whose acceptance they were sent. */

import { pause } from "../../support/until.ts";
import {
  decodeHeader,
  encodePacket,
  HEADER_SIZE,
  MODIFIER_SPOOL,
} from "../../../src/wire/packet.ts";
import { varsOf } from "../../support/store.ts";
import type { Address } from "./target.ts";

/** Between two tasks of a client. */
const PAUSE_MS = 15;
/** After an answer that did not come. */
const RETRY_MS = 50;
const CLIENTS = 2;
const PATIENCE_MS = 60_000;

export class Clients {
  readonly accepted = new Set<string>();
  /** Of each task that was accepted at its first delivery, in ms. */
  readonly latencies: number[] = [];
  /** Deliveries without a yes. */
  failures = 0;
  #count = 0;
  #isOver = false;
  readonly #running: Promise<void>[];

  constructor(private readonly address: Address) {
    this.#running = Array.from({ length: CLIENTS }, () => this.#run());
  }

  /** Resolves when every task that was begun is accepted. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  /** The latencies since the last call. */
  take(): number[] {
    return this.latencies.splice(0);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const n = String(++this.#count);
      const startedAt = performance.now();
      const giveUpAt = startedAt + PATIENCE_MS;
      let isFirst = true;
      while (!(await this.#deliver(n))) {
        isFirst = false;
        this.failures++;
        if (performance.now() > giveUpAt) throw new Error(`task ${n} was not accepted`);
        await pause(RETRY_MS);
      }
      this.accepted.add(n);
      if (isFirst) this.latencies.push(performance.now() - startedAt);
      await pause(PAUSE_MS);
    }
  }

  async #deliver(n: string): Promise<boolean> {
    const vars = varsOf({ ud_spool_func: "count", n, spooler_id: `client-${n}` });
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.address.port });
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
