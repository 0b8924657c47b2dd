/** Whether the disk is so busy that the event loop must not wait for it. */

import type { Clock } from "../platform/clock.ts";

/** A disk that takes longer than this for a task is busy. */
const BUSY_DISK_MS = 20;
/** So long, after it was found busy, nothing waits for it but the tasks themselves. */
const BUSY_FOR_MS = 1000;

export class BusyDisk {
  /** On the monotonic clock: until then the disk is taken for busy. */
  #busyUntil = -Infinity;

  constructor(private readonly clock: Clock) {}

  get isBusy(): boolean {
    return this.clock.monotonic() < this.#busyUntil;
  }

  /** Does what may wait for the disk, and notes how long that took. */
  async watch(act: () => Promise<void> | void): Promise<void> {
    const startedAt = this.clock.monotonic();
    await act();
    const endedAt = this.clock.monotonic();
    if (endedAt - startedAt > BUSY_DISK_MS) this.#busyUntil = endedAt + BUSY_FOR_MS;
  }
}
