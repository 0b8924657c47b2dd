/** Commands that go on though the program that started them has died, and how an operator ends one. */

import { GRACE_MS, signalGroup } from "../exec/process.ts";
import type { KillOrder } from "../exec/kill_order.ts";
import type { Clock } from "../platform/clock.ts";
import { findStamped, type Orphan, processStamp } from "../platform/orphans.ts";

/** Between two checks whether it has ended. */
const CHECK_MS = 50;

export class OrphanRuns {
  /** Of their processes, by the id of the task. */
  readonly #stamps = new Map<string, string>();

  constructor(private readonly clock: Clock) {}

  /** This process still runs the task; null is none. */
  note(id: string, orphan: Orphan | null): void {
    const stamp = orphan && processStamp(orphan.pid);
    if (stamp === null) this.#stamps.delete(id);
    else this.#stamps.set(id, stamp);
  }

  /** Ends it with its group; resolves when that is done, to false when there is none. */
  async end(id: string, { signal }: KillOrder): Promise<boolean> {
    const { clock } = this;
    const stamp = this.#stamps.get(id);
    const orphan = stamp === undefined ? null : findStamped(stamp);
    if (stamp === undefined || orphan === null) return false;
    const killAt = clock.monotonic() + GRACE_MS;
    signalGroup(orphan.pid, signal ?? "SIGTERM");
    while (findStamped(stamp) !== null) {
      await new Promise<void>((resolve) => void clock.after(CHECK_MS, resolve));
      if (clock.monotonic() >= killAt) signalGroup(orphan.pid, "SIGKILL");
    }
    // What it left behind goes, too.
    signalGroup(orphan.pid, "SIGKILL");
    this.#stamps.delete(id);
    return true;
  }
}
