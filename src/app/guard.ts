/**
 * What becomes of errors that nothing has caught: they are logged with their place, and what the part
 * was doing is lost; the other parts go on. Only an impossible state ends the program.
 */

import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { ImpossibleStateError, placeOf } from "../platform/unexpected.ts";
import type { Emit } from "../report/event.ts";
import { Limiter } from "../report/limiter.ts";

export interface GuardOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Called for an impossible state: the program is to end. */
  readonly fatal: (error: ImpossibleStateError) => void;
}

/** An error that comes with every task must not fill the log. */
const MOST_LINES = 20;
const WINDOW_MS = 60_000;

/**
 * Takes errors until the process is gone.
 *
 * @returns takes the error with which a part has ended
 */
export function guardParts({ clock, emit, fatal }: GuardOptions): (error: unknown) => void {
  const limiter = new Limiter(MOST_LINES, WINDOW_MS);
  const take = (error: unknown) => {
    if (error instanceof ImpossibleStateError) return fatal(error);
    const now = clock.monotonic();
    const count = limiter.take(now);
    if (count > 0) emit({ type: "program.errors", count });
    if (!limiter.admit(now)) return;
    emit({ type: "program.error", message: reasonOf(error), place: placeOf(error) });
  };
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    take(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    take(event.reason);
  });
  return take;
}
