/**
 * The health of a target over time: when it fails, is probed and works again, and what the log says of
 * that.
 */

import type { Cancel, Clock, Random } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Emit } from "../report/event.ts";
import {
  afterFailure,
  afterProbe,
  type Health,
  type Trouble,
  troubleOf,
  UNKNOWN,
  UP,
} from "./health.ts";
import { OutageLines } from "./outage_lines.ts";

export interface TargetHealthOptions {
  /** Of the target, for the log. */
  readonly name: string;
  /** The spool whose tasks it gets, for the log. */
  readonly spool: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Rejects while the target is not there. */
  probe(): Promise<void>;
  /** Called when it has gone down, after the log. */
  wentDown(reason: string): void;
  /** Called after a probe: one task may try. */
  onTrial(): void;
}

export class TargetHealth {
  readonly #options: TargetHealthOptions;
  readonly #lines = new OutageLines();
  #health: Health = UNKNOWN;
  #cancelProbe: Cancel = () => {};
  #closed = false;

  constructor(options: TargetHealthOptions) {
    this.#options = options;
  }

  get kind(): Health["kind"] {
    return this.#health.kind;
  }

  get trouble(): Trouble | null {
    return troubleOf(this.#health);
  }

  /**
   * It has taken a task. An answer to what was sent before a failure does not end it: the next probe
   * does.
   *
   * @param up called when all tasks may go to it, before the log says so
   */
  works(up: () => void): void {
    const { name, spool, emit, clock } = this.#options;
    if (this.#health.kind === "down") return;
    const { trouble } = this;
    this.#health = UP;
    up();
    if (!trouble || !this.#lines.isEndWanted()) return;
    const { failures, since } = trouble;
    emit({ type: "target.up", spool, target: name, failures, downMs: clock.monotonic() - since });
  }

  failed(reason: string): void {
    if (!this.#closed && this.#health.kind !== "down") this.#goDown(reason);
  }

  close(): void {
    this.#closed = true;
    this.#cancelProbe();
  }

  #goDown(reason: string): void {
    const { name, spool, emit, clock, random, wentDown } = this.#options;
    const now = clock.monotonic();
    const health = afterFailure(this.#health, reason, now, random);
    this.#health = health;
    if (this.#lines.isWanted(reason, now)) {
      const downMs = now - health.trouble.since;
      emit({ type: "target.down", spool, target: name, reason, downMs });
    }
    this.#cancelProbe = clock.after(health.retryInMs, () => this.#probe());
    wentDown(reason);
  }

  /** Checks that the target is there; the proof is the next task, which may then try. */
  async #probe(): Promise<void> {
    try {
      await this.#options.probe();
    } catch (error) {
      if (!this.#closed) this.#goDown(reasonOf(error));
      return;
    }
    this.#health = afterProbe(this.#health);
    this.#options.onTrial();
  }
}
