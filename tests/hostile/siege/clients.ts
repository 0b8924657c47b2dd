/** A client that means no harm: what it waits, and the tasks whose acceptance it was sent. */

import { pause } from "../../support/until.ts";
import {
  decodeHeader,
  encodePacket,
  HEADER_SIZE,
  MODIFIER_SPOOL,
} from "../../../src/wire/packet.ts";
import { varsOf } from "../../support/store.ts";
import { BlockingCalls } from "./blocking_calls.ts";

/** What a client has seen since the last one. */
export interface Report {
  /** Of each task that was accepted at its first delivery, in ms. */
  readonly latencies: readonly number[];
  readonly accepted: readonly string[];
  /** Deliveries without a yes, in all. */
  readonly failures: number;
  /** Tasks that were given up, in all. */
  readonly refusedLong: number;
  /** Whether it runs as soon as its answer is there. */
  readonly isUrgent: boolean;
}

/** Between two tasks of a client. */
const PAUSE_MS = 15;
/** After an answer that did not come. */
const RETRY_MS = 50;
const PATIENCE_MS = 60_000;

export class Client {
  readonly #calls: BlockingCalls;
  readonly #isUrgent: boolean;
  #accepted: string[] = [];
  #latencies: number[] = [];
  #failures = 0;
  #refusedLong = 0;
  #count = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  /** @param name of no other client of the same port */
  constructor(port: number, private readonly name: string) {
    this.#calls = new BlockingCalls(port, PATIENCE_MS);
    this.#isUrgent = this.#calls.goBeforeOthers();
    this.#running = this.#run();
  }

  /** Resolves when every task that was begun is accepted. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  report(): Report {
    const report = {
      ...{ latencies: this.#latencies, accepted: this.#accepted, failures: this.#failures },
      ...{ refusedLong: this.#refusedLong, isUrgent: this.#isUrgent },
    };
    this.#latencies = [];
    this.#accepted = [];
    return report;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#put(`${this.name}-${++this.#count}`);
      await pause(PAUSE_MS);
    }
  }

  async #put(n: string): Promise<void> {
    const vars = varsOf({ ud_spool_func: "count", n, spooler_id: `client-${n}` });
    const packet = encodePacket(vars, MODIFIER_SPOOL);
    const startedAt = performance.now();
    let isFirst = true;
    while (!this.#deliver(packet)) {
      isFirst = false;
      this.#failures++;
      if (performance.now() > startedAt + PATIENCE_MS) return void this.#refusedLong++;
      await pause(RETRY_MS);
    }
    if (isFirst) this.#latencies.push(performance.now() - startedAt);
    this.#accepted.push(n);
  }

  /** The thread waits in the system's calls: nothing else of this process is part of what it waits. */
  #deliver(packet: Uint8Array<ArrayBuffer>): boolean {
    const answer = this.#calls.ask(packet, HEADER_SIZE);
    return answer !== null && decodeHeader(answer).modifier2 === 1;
  }
}

/** The value that 99 of 100 do not exceed. */
export function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))] ?? 0;
}
