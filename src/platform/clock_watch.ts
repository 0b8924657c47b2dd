/**
 * Notices that the wall clock was set: what it shows has grown by more, or less, than time has passed.
 * Time that the machine was suspended has passed, too, and is no jump.
 */

import { apart } from "./apart.ts";
import type { Cancel, Clock } from "./clock.ts";

/** Between two checks of both clocks. */
export const CHECK_EVERY_MS = 2_000;
/** NTP slews a clock by 0.05 %, and a busy machine checks late; neither is a jump. */
const JUMP_MIN_MS = 2_000;

export interface ClockWatchOptions {
  readonly clock: Clock;
  /** Milliseconds that have passed since some point, suspended or not. */
  elapsed(): number;
  /** @param byMs how far ahead the clock was set; less than 0 is back */
  jumped(byMs: number): void;
}

export class ClockWatch {
  readonly #options: ClockWatchOptions;
  /** What the wall clock shows, less the time that has passed. */
  #base: number;
  #cancel: Cancel = () => {};

  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#base = this.#difference();
    this.#arm();
  }

  /** Checks now rather than at the next turn; for a caller about to trust the wall clock. */
  check(): void {
    const base = this.#difference();
    const byMs = base - this.#base;
    if (Math.abs(byMs) < JUMP_MIN_MS) return;
    this.#base = base;
    apart(() => this.#options.jumped(byMs));
  }

  stop(): void {
    this.#cancel();
  }

  #difference(): number {
    return this.#options.clock.now() - this.#options.elapsed();
  }

  #arm(): void {
    this.#cancel = this.#options.clock.after(CHECK_EVERY_MS, () => {
      this.check();
      this.#arm();
    });
  }
}

/**
 * Time since the machine was started, as the kernel counts it through suspends. Elsewhere the monotonic
 * clock: there a suspend counts as a jump ahead, which is harmless.
 */
export function timeSinceBoot(clock: Clock): () => number {
  return () => {
    try {
      // proc_uptime(5): seconds, to two digits.
      return Number(Deno.readTextFileSync("/proc/uptime").split(" ", 1)[0]) * 1000;
    } catch {
      return clock.monotonic();
    }
  };
}
