/**
 * Time and chance as arguments: the only place that asks the machine for either.
 */

import { setImmediate } from "node:timers";

/** Ends a timer that has not run yet. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since the epoch, as the wall clock has it: it can jump. */
  now(): number;
  /** Milliseconds on a clock that never jumps back, for measuring durations. */
  monotonic(): number;
  /** Runs `action` once, `delayMs` from now at the earliest. */
  after(delayMs: number, action: () => void): Cancel;
}

/**
 * Lets what is ready go first: reads, writes, timers. It waits for another thread, a few microseconds:
 * meanwhile the runtime asks the system which sockets have something to say. An immediate would come back
 * too soon for that, and a timer takes two milliseconds.
 */
export async function turnOfOthers(): Promise<void> {
  await Deno.lstat("/");
}

/**
 * Comes back when all that can go on without news from outside has gone on: the ends of what was just
 * settled, and what begins in their place.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}

/** Uniform in [0, 1), as Math.random. */
export type Random = () => number;

/** setTimeout takes 31 bits of milliseconds; a longer wait is done in parts. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    let timer: ReturnType<typeof setTimeout>;
    let isCancelled = false;
    const wait = (leftMs: number) => {
      const partMs = Math.min(leftMs, LONGEST_TIMEOUT_MS);
      timer = setTimeout(() => {
        // Deno 2.4 runs a timer that was cleared in the very turn in which it is due.
        if (isCancelled) return;
        if (leftMs > partMs) wait(leftMs - partMs);
        else action();
      }, partMs);
    };
    // A fraction would be cut off, and the timer go off too early.
    wait(Math.ceil(Math.max(0, delayMs)));
    return () => {
      isCancelled = true;
      clearTimeout(timer);
    };
  },
};

export const systemRandom: Random = Math.random;
