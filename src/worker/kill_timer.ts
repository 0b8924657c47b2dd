/** Ends a worker that does not end by itself in time. */

import type { Cancel, Clock } from "../platform/clock.ts";

export class KillTimer {
  #cancel: Cancel = () => {};

  constructor(private readonly clock: Clock, private readonly kill: (reason: string) => void) {}

  /** In place of what it was set to before. */
  set(delayMs: number, reason: string): void {
    this.#cancel();
    this.#cancel = this.clock.after(delayMs, () => this.kill(reason));
  }

  cancel(): void {
    this.#cancel();
  }
}
