/**
 * When modules that could not be loaded are loaded again: after a wait that grows, and at once when one
 * of their files changes.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import { nominalBackoffMs } from "../task/backoff.ts";

const WAITS = { delayMs: 1000, maxDelayMs: 60_000 };
/** How often the files of a module that could not be loaded are checked. */
const WATCH_EVERY_MS = 1000;

export class LoadRetry {
  readonly #clock: Clock;
  readonly #retry: () => void;
  #failures = 0;
  #isWaiting = false;
  #cancelRetry: Cancel = () => {};
  #cancelWatch: Cancel = () => {};

  /** @param retry is called when it is time */
  constructor(clock: Clock, retry: () => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  /** Failures since they were last loaded. */
  get failures(): number {
    return this.#failures;
  }

  /** It is not yet time. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** @returns milliseconds until they are loaded again */
  failed(files: readonly string[]): number {
    const waitMs = nominalBackoffMs(++this.#failures, WAITS);
    this.#isWaiting = true;
    this.#cancelRetry();
    this.#cancelRetry = this.#clock.after(waitMs, () => this.#again());
    this.#watch(files);
    return waitMs;
  }

  loaded(): void {
    this.#failures = 0;
    this.#cancelWatch();
  }

  /** An explicit reload does not wait. */
  reset(): void {
    this.#cancelRetry();
    this.#isWaiting = false;
    this.#failures = 0;
  }

  stop(): void {
    this.#cancelRetry();
    this.#cancelWatch();
  }

  #again(): void {
    this.stop();
    this.#isWaiting = false;
    this.#retry();
  }

  #watch(files: readonly string[]): void {
    this.#cancelWatch();
    if (files.length === 0) return;
    let isOver = false;
    let cancel: Cancel = () => {};
    this.#cancelWatch = () => {
      isOver = true;
      cancel();
    };
    const check = async (before: string | null) => {
      const now = await stampOf(files);
      if (isOver) return;
      if (before !== null && before !== now) return this.#again();
      cancel = this.#clock.after(WATCH_EVERY_MS, () => check(now));
    };
    check(null);
  }
}

/** Changes whenever one of the files does. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    files.map((file) =>
      Deno.stat(file).then(({ mtime, size }) => `${mtime?.getTime()} ${size}`, () => "none")
    ),
  );
  return stamps.join();
}
