/**
 * How many tasks lie in failed/. Anybody may put tasks there and take them away: the number is counted
 * anew when it is asked for, in pieces, and for no more than a fraction of the time.
 */

import { type Clock, turnOfOthers } from "../platform/clock.ts";

/** Counting takes no more than one part in so many of the time. */
const SHARE = 20;
/** A number is good for so long at least. */
const FRESH_MS = 1000;
/** Who asks for a number that is known waits no longer for a newer one. */
const PATIENCE_MS = 100;

export class FailedCount {
  #count: number | null = null;
  /** On the monotonic clock. */
  #nextAt = -Infinity;
  #counting: Promise<void> | null = null;

  /** @param names everything in failed/ that has a task's name, in pieces */
  constructor(
    private readonly names: () => Iterable<readonly unknown[]>,
    private readonly clock: Clock,
  ) {}

  /** @throws {Deno.errors.PermissionDenied} when the directory may not be read */
  async read(): Promise<number> {
    const { clock } = this;
    if (this.#count !== null && clock.monotonic() < this.#nextAt) return this.#count;
    const counting = this.#counting ??= this.#countAnew().finally(() => this.#counting = null);
    if (this.#count === null) await counting;
    else {
      const late = Promise.withResolvers<void>();
      const cancel = clock.after(PATIENCE_MS, late.resolve);
      await Promise.race([counting, late.promise]).finally(cancel);
    }
    return this.#count ?? 0;
  }

  async #countAnew(): Promise<void> {
    const { clock } = this;
    let workedMs = 0;
    let count = 0;
    let startedAt = clock.monotonic();
    for (const names of this.names()) {
      count += names.length;
      workedMs += clock.monotonic() - startedAt;
      await turnOfOthers();
      startedAt = clock.monotonic();
    }
    this.#count = count;
    this.#nextAt = clock.monotonic() + Math.max(FRESH_MS, SHARE * workedMs);
  }
}
