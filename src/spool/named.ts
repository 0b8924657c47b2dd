/**
 * Whether a file still has the name by which it was opened: the program and its workers ask this.
 *
 * @pure
 */

/** File times come from a clock that ticks more coarsely than the system's, or from a server. */
const CLOCK_SLACK_MS = 1000;

/**
 * Whether a file may have lost its name since `now` (milliseconds since the epoch, or Infinity when that
 * is not known). A rename changes the ctime: what has long been as it is still has its name.
 */
export function mayHaveLostName(ctimeMs: number, now: number): boolean {
  return now === Infinity || ctimeMs > now - CLOCK_SLACK_MS;
}
