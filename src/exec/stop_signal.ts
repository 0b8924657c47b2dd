/**
 * A supervisor, an init or a terminal that stops the program may signal its children as well. What a
 * child was doing was then interrupted; it did not fail.
 */

import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";
import type { Exit } from "./process.ts";

/** What was running was broken off, because the program stops. */
export class InterruptedError extends Error {
  override name = "InterruptedError";

  constructor(message = "ended with the program") {
    super(message);
  }
}

/** Of signals that a supervisor, an init or a terminal sends to a program and its children alike. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"];
/** 128 and the signal's number: what a shell says whose command was ended by one. */
const STOP_CODES = [143, 130, 131, 129];
/** A child may have its signal a moment before this program has. */
const SAME_STOP_MS = 500;

export interface StopWatch {
  /** Aborted when the program stops; absent for what no stop concerns. */
  readonly stopping?: AbortSignal;
  readonly clock: Clock;
}

/**
 * Whether a child was ended by the signal that also stops this program, which may get it a moment
 * later.
 */
export async function isEndedByStop(exit: Exit, { stopping, clock }: StopWatch): Promise<boolean> {
  const byStop = exit.kind === "signal"
    ? STOP_SIGNALS.includes(exit.signal)
    : exit.kind === "code" && STOP_CODES.includes(exit.code);
  if (!byStop || stopping === undefined) return false;
  if (stopping.aborted) return true;
  await pauseOrAbort(clock, SAME_STOP_MS, stopping);
  return stopping.aborted;
}
