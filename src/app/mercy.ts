/** A stop waits for what runs, says so again and again, and at last loses patience. */

import { GRACE_MS } from "../exec/process.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import { FINISH_MS } from "./estate.ts";

/** Between two lines that say what a stop waits for. */
const WAITING_LINE_MS = 10_000;
/** SIGKILL comes after the one, and the disk is waited for as long as the other; then nothing is left. */
const STUCK_MS = GRACE_MS + FINISH_MS + 2000;

export interface MercyOptions {
  readonly clock: Clock;
  readonly mercyMs: number;
  waiting(leftMs: number): void;
  /** The time is up. */
  end(): void;
  /** What runs has been ended long ago, and the stop has not. */
  stuck(): void;
}

export function watchMercy({ clock, mercyMs, waiting, end, stuck }: MercyOptions): Cancel {
  const endAt = clock.monotonic() + mercyMs;
  const report = () => {
    const leftMs = endAt - clock.monotonic();
    waiting(Math.max(0, leftMs));
    const endsNow = leftMs <= 0;
    if (endsNow) end();
    cancel = endsNow
      ? clock.after(STUCK_MS, stuck)
      : clock.after(Math.min(WAITING_LINE_MS, leftMs), report);
  };
  let cancel: Cancel = clock.after(Math.min(WAITING_LINE_MS, mercyMs), report);
  return () => cancel();
}
