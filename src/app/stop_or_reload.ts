/**
 * What signals say about the life of the program: SIGINT and SIGTERM end it, SIGHUP has it read its
 * configuration again.
 */

import type { Config } from "../config/config.ts";
import type { Signals } from "../platform/signals.ts";

/** How a program, or one configuration of it, comes to its end. */
export interface End {
  /** The signal, for people. */
  readonly reason: string;
  /** What to go on with after a reload; null is the end of it all. */
  readonly next: Config | null;
}

export interface Lifetime {
  /** Resolves with the first wish to end; rejects after {@link fail}. */
  readonly end: Promise<End>;
  /** What to go on with, as it stands: a stop during a reload takes it back. */
  readonly next: Config | null;
  fail(error: unknown): void;
  /** Signals are nobody's business any more. */
  ignore(): void;
}

/** A Ctrl-C through a wrapper arrives twice, from the terminal and from it: that is one wish. */
const SAME_WISH_MS = 500;

/**
 * Listens to signals until {@link Lifetime.ignore}. The first SIGINT or SIGTERM asks for a stop; one
 * that comes later breaks off what still runs, through `abort`.
 *
 * @param reread reads the configuration again; null when there is none to go on with
 */
export function lifetime(
  signals: Signals,
  abort: AbortController,
  reread: () => Promise<Config | null>,
): Lifetime {
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  let stoppingSince: number | null = null;
  let next: Config | null = null;
  const ignoreStops = signals.on(["SIGINT", "SIGTERM"], (reason) => {
    const now = performance.now();
    stoppingSince ??= now;
    next = null;
    if (now - stoppingSince > SAME_WISH_MS) abort.abort();
    else resolve({ reason, next });
  });
  const ignoreReloads = signals.on(["SIGHUP"], (reason) => {
    reread().then((config) => {
      if (config === null || stoppingSince !== null) return;
      next = config;
      resolve({ reason, next });
    }, reject);
  });
  return {
    end: promise,
    get next() {
      return next;
    },
    fail: reject,
    ignore: () => {
      ignoreStops();
      ignoreReloads();
    },
  };
}
