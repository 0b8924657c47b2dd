/** A stop waits for what runs, says so again and again, and at last loses patience. */

import type { Cancel, Clock } from "../platform/clock.ts";

/** Between two lines that say what a stop waits for. */
const WAITING_LINE_MS = 10_000;

export interface MercyOptions {
  readonly clock: Clock;
  readonly mercyMs: number;
  waiting(leftMs: number): void;
  /** The time is up. */
  end(): void;
}

export function watchMercy({ clock, mercyMs, waiting, end }: MercyOptions): Cancel {
  const endAt = clock.monotonic() + mercyMs;
  const report = () => {
    const leftMs = endAt - clock.monotonic();
    waiting(Math.max(0, leftMs));
    if (leftMs <= 0) end();
    else cancel = clock.after(Math.min(WAITING_LINE_MS, leftMs), report);
  };
  let cancel: Cancel = clock.after(Math.min(WAITING_LINE_MS, mercyMs), report);
  return () => cancel();
}
