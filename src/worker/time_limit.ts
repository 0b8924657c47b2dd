/** The time that what a worker runs may take. */

import type { Cancel, Clock } from "../platform/clock.ts";

export class TimeLimit {
  #cancel: Cancel = () => {};
  #limitMs: number | null;

  /**
   * @param usualMs null is without end
   * @param busyMs how long what runs has taken; 0 when nothing does
   * @param abort is called when that is too long
   */
  constructor(
    private readonly usualMs: number | null,
    private readonly clock: Clock,
    private readonly busyMs: () => number,
    private readonly abort: (reason: string) => void,
  ) {
    this.#limitMs = usualMs;
  }

  /**
   * Something begins.
   *
   * @param limitMs in place of the usual limit; null is that one
   */
  watch(limitMs: number | null): void {
    this.#limitMs = limitMs ?? this.usualMs;
    this.#setTimer();
  }

  /** One timer at a time: where something else has begun since, it only checks again later. */
  #setTimer(): void {
    const limitMs = this.#limitMs;
    this.#cancel();
    if (limitMs === null) return;
    this.#cancel = this.clock.after(limitMs - this.busyMs(), () => {
      const tookMs = this.busyMs();
      if (tookMs >= limitMs) this.abort(`harakiri after ${limitMs / 1000} s`);
      else if (tookMs > 0) this.#setTimer();
    });
  }

  stop(): void {
    this.#cancel();
  }
}
