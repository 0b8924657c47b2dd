/** Whether the disk is so busy that nobody must wait for it who has other things to do. */

import type { Clock } from "../platform/clock.ts";

/** So long, after it was found busy, nothing waits for it but the tasks themselves. */
const BUSY_FOR_MS = 1000;

/** A disk that takes longer than this to write a small file, without a sync, is busy: it is not the lack of a core. */
export const MOST_FILE_MS = 200;

export class BusyDisk {
  /** On the monotonic clock: until then the disk is taken for busy. */
  #busyUntil = -Infinity;

  /** @param clock whose monotonic time goes on while a call waits */
  constructor(private readonly clock: Clock) {}

  get isBusy(): boolean {
    return this.#busyUntil > -Infinity && this.clock.monotonic() < this.#busyUntil;
  }

  /** Begins with what may wait for the disk; returns what {@link ended} needs. */
  begin(): number {
    return this.clock.monotonic();
  }

  /** The end of it, when it did not fail: a disk that took longer than `mostMs` is busy. */
  ended(startedAt: number, mostMs: number): void {
    const endedAt = this.clock.monotonic();
    if (endedAt - startedAt > mostMs) this.#busyUntil = endedAt + BUSY_FOR_MS;
  }
}
