/**
 * Whether the scan every `spooler-frequency` can be left out: where the watcher reports everything it is a
 * safety net, and most of the time it would find nothing (docs/decisions.md).
 */

import type { Clock } from "../platform/clock.ts";
import { quietly } from "../platform/quietly.ts";
import { taskId } from "../spool/layout.ts";
import type { Store } from "../spool/store.ts";
import { GONE } from "./task_event.ts";
import type { Tasks } from "./tasks.ts";

export interface SafetyNetParts {
  readonly store: Store;
  readonly tasks: Tasks;
  readonly clock: Clock;
}

/** A scan that takes long is not made again before this many times as long has passed. */
const SCAN_SHARE = 100;
const LONG_SCAN_MS = 20;

export class SafetyNet {
  /** On the monotonic clock. */
  #neededAt = 0;

  constructor(private readonly parts: SafetyNetParts) {}

  /** The whole directory was scanned. */
  scanned(tookMs: number): void {
    const now = this.parts.clock.monotonic();
    this.#neededAt = tookMs < LONG_SCAN_MS ? 0 : now + SCAN_SHARE * tookMs;
  }

  /** Nothing has happened that was not reported, as far as that can be seen; or a scan would take long. */
  get isQuiet(): boolean {
    const { store, tasks, clock } = this.parts;
    // These a scan is for: deferred tasks the table had no room for, and fates that are tried again.
    if (tasks.horizon <= clock.now() || tasks.count("stuck") > 0) return false;
    return store.isAsScanned() || clock.monotonic() < this.#neededAt;
  }

  /** What a scan does beside finding tasks: those that were left alone are tried again. */
  checkLeftAlone(): void {
    const { store, tasks, clock } = this.parts;
    quietly(() => store.noteDeadPrograms());
    for (const task of tasks.leftAlone()) {
      const seen = store.see(task);
      if (seen !== null) tasks.see(seen, clock.now());
      else tasks.apply(taskId(task), GONE);
    }
  }
}
