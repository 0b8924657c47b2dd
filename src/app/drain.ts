/** `run-once`: a run that ends when no task is ready any more, also of those that tasks have added. */

import type { Clock } from "../platform/clock.ts";
import type { Life } from "./life.ts";

export interface DrainOptions {
  /** Aborted when what is ready can never run. */
  readonly giveUp: AbortSignal;
  /** @param leftOver tasks that could not run */
  done(leftOver: number): void;
}

/** Why such a run stops. */
export const DRAINED = "no task is ready";

/** Between two checks. */
const CHECK_MS = 20;

/** Resolves when nothing runs and nothing is ready. Deferred tasks are not waited for. */
export async function drained(
  life: Life,
  options: DrainOptions,
  clock: Clock,
  stopping: AbortSignal,
): Promise<void> {
  await life.loaded();
  const { dispatchers } = life;
  const startsOf = () => dispatchers.reduce((sum, each) => sum + each.starts, 0);
  const isIdle = () => dispatchers.every((each) => each.isIdle);
  while (!stopping.aborted && !options.giveUp.aborted) {
    if (isIdle()) {
      const before = startsOf();
      // The kernel's report of a file that the last task has put may still be on its way.
      for (const each of dispatchers) await each.scan();
      if (isIdle() && startsOf() === before) {
        return options.done(dispatchers.reduce((sum, each) => sum + each.leftOver, 0));
      }
    }
    await new Promise<void>((resolve) => void clock.after(CHECK_MS, resolve));
  }
}
