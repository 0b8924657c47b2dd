/** The time that a worker's tasks may take. */

import type { Cancel, Clock } from "../platform/clock.ts";

export class TimeLimit {
  #cancel: Cancel = () => {};

  /**
   * @param limitMs null is without end
   * @param busyMs how long the present task has taken; 0 when there is none
   * @param abort is called when that is too long
   */
  constructor(
    private readonly limitMs: number | null,
    private readonly clock: Clock,
    private readonly busyMs: () => number,
    private readonly abort: (reason: string) => void,
  ) {}

  /** A task begins. One timer at a time: where others have begun since, it only looks again later. */
  watch(): void {
    const { limitMs, clock } = this;
    if (limitMs === null) return;
    this.#cancel();
    this.#cancel = clock.after(limitMs - this.busyMs(), () => {
      const tookMs = this.busyMs();
      if (tookMs >= limitMs) this.abort(`harakiri after ${limitMs / 1000} s`);
      else if (tookMs > 0) this.watch();
    });
  }

  stop(): void {
    this.#cancel();
  }
}
