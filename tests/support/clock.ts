/** A clock that stands still until a test moves it. */

import type { Clock } from "../../src/platform/clock.ts";

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #monotonic = 0;

  /** @param time milliseconds since the epoch */
  constructor(private time = Date.UTC(2026, 10, 23, 9, 30)) {}

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { at: this.#monotonic + Math.max(0, delayMs), action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass: every timer due until then runs, at its own time, earliest first. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    while (true) {
      const due = [...this.#timers].filter((timer) => timer.at <= end);
      const next = due.sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#pass(next.at - this.#monotonic);
      this.#timers.delete(next);
      next.action();
    }
    this.#pass(end - this.#monotonic);
  }

  /** Sets the wall clock, as an administrator or NTP does; no timer moves. */
  set(time: number): void {
    this.time = time;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  #pass(ms: number): void {
    this.#monotonic += ms;
    this.time += ms;
  }
}
