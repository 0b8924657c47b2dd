/**
 * How many tasks a spool has, for spooler-max-files. The number is kept; because other programs put
 * and take tasks, too, it is counted anew from time to time, in pieces and never for more than a
 * fraction of the time.
 */

import { type Clock, turnOfOthers } from "../platform/clock.ts";
import type { TaskRef } from "./layout.ts";

/** Counting takes no more than one part in so many of the time. */
const SHARE = 20;

export class TaskCount {
  #count = 0;
  /** Tasks that may come before it is to be counted again. */
  #trusted = 0;
  /** On the monotonic clock. */
  #nextCountAt = -Infinity;
  #counting: Promise<void> | null = null;
  /** That the last count found. */
  #wasFull = false;
  /** Put while the directory is counted, behind or before the place where the count is. */
  #addedMeanwhile = 0;

  /** @param names everything that has a task's name, in pieces */
  constructor(
    private readonly names: () => Iterable<readonly TaskRef[]>,
    private readonly clock: Clock,
  ) {}

  added(): void {
    this.#count++;
    this.#trusted--;
    this.#addedMeanwhile++;
  }

  removed(): void {
    this.#count = Math.max(0, this.#count - 1);
  }

  /** Counts again where the number cannot be relied on, besides those that are `underWay`. */
  async refresh(limit: number, underWay: number): Promise<void> {
    if (this.#trusted > 0 && !this.isFull(limit, underWay)) return;
    if (this.#counting === null && this.clock.monotonic() < this.#nextCountAt) return;
    await (this.#counting ??= this.#countAnew(limit).finally(() => this.#counting = null));
  }

  /** Whether it is known without counting again that there is room, besides those that are `underWay`. */
  isSure(limit: number, underWay: number): boolean {
    return this.#trusted > underWay && !this.isFull(limit, underWay);
  }

  /** Whether it is known without counting again that there is none, besides those that are `underWay`. */
  isSurelyFull(limit: number, underWay: number): boolean {
    if (!this.#wasFull || !this.isFull(limit, underWay)) return false;
    return this.#counting !== null || this.clock.monotonic() < this.#nextCountAt;
  }

  /** Whether there is no room for one more, besides those that are `underWay`. */
  isFull(limit: number, underWay: number): boolean {
    return this.#count + underWay >= limit;
  }

  async #countAnew(limit: number): Promise<void> {
    const { clock } = this;
    let workedMs = 0;
    this.#addedMeanwhile = 0;
    try {
      let count = 0;
      let startedAt = clock.monotonic();
      for (const refs of this.names()) {
        count += refs.length;
        workedMs += clock.monotonic() - startedAt;
        if (count >= limit) break;
        await turnOfOthers();
        startedAt = clock.monotonic();
      }
      this.#count = count + this.#addedMeanwhile;
      this.#wasFull = this.#count >= limit;
      this.#trusted = Math.floor((limit - this.#count) / 2);
    } finally {
      this.#nextCountAt = clock.monotonic() + SHARE * workedMs;
    }
  }
}
