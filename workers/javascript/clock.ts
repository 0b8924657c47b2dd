/** The clocks of the engine, as they were before task code could replace them. */

/** Milliseconds, monotonic. */
export const monotonicMs: () => number = performance.now.bind(performance);

/** Milliseconds since the epoch. */
export const wallMs: () => number = Date.now;

const wait = setTimeout;

/** A turn of the event loop, so that timers and promises of task code get theirs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => wait(resolve, 0));
}
