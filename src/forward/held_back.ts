/**
 * Tasks at which a target on trial has hung up. Others are tried before them; where no other comes
 * within a moment, the one that it hung up at the fewest times is.
 */

import type { Cancel, Clock } from "../platform/clock.ts";

/** Long enough for the dispatcher to claim another task. */
const HOLD_MS = 100;
/** At the same time, while others are tried. */
const MOST = 8;

export class HeldBack<T> {
  #tasks: T[] = [];
  #cancel: Cancel = () => {};

  /** @param over called when no other task has come */
  constructor(private readonly clock: Clock, private readonly over: () => void) {}

  get size(): number {
    return this.#tasks.length;
  }

  get hasRoom(): boolean {
    return this.size < MOST;
  }

  add(task: T): void {
    this.#tasks.push(task);
    this.wait();
  }

  /** Waits for another task, if any is held back. */
  wait(): void {
    this.#cancel();
    if (this.size > 0) this.#cancel = this.clock.after(HOLD_MS, this.over);
  }

  /** Takes out the one with the lowest weight, the first of several. */
  takeLightest(weightOf: (task: T) => number): T | undefined {
    const lightest = this.#tasks.reduce<T | undefined>(
      (best, task) => best === undefined || weightOf(task) < weightOf(best) ? task : best,
      undefined,
    );
    this.#tasks = this.#tasks.filter((task) => task !== lightest);
    return lightest;
  }

  takeAll(): T[] {
    this.#cancel();
    return this.#tasks.splice(0);
  }
}
