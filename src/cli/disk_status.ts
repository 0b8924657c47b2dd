/** What the disk shows of a spool, whether or not a program runs. */

import { isoText } from "../report/task_summary.ts";
import type { ListedStateKind } from "../spool/inspected.ts";
import type { OpenSpool } from "./spools.ts";

/** Times are milliseconds since the epoch. */
export interface DiskStatus {
  readonly dir: string;
  readonly counts: Readonly<Record<ListedStateKind, number>>;
  readonly pausedSince: number | null;
  /** How long the ready task has waited that is due for the longest; null without one. */
  readonly oldestReadyMs: number | null;
}

export function diskStatus({ dir, inspector, clock }: OpenSpool): DiskStatus {
  const counts = { ready: 0, deferred: 0, running: 0, failed: 0 };
  const now = clock.now();
  let oldest = Infinity;
  for (const tasks of inspector.list()) {
    for (const task of tasks) {
      const state = inspector.stateOf(task);
      if (state === null) continue;
      counts[state.kind]++;
      if (state.kind === "ready") oldest = Math.min(oldest, state.dueAt);
    }
  }
  const oldestReadyMs = oldest === Infinity ? null : Math.max(0, now - oldest);
  return { dir, counts, pausedSince: inspector.pausedSince(), oldestReadyMs };
}

export function diskJson({ dir, counts, pausedSince, oldestReadyMs }: DiskStatus): object {
  return {
    ...{ dir, counts, oldestReadyMs },
    pausedSince: pausedSince === null ? null : isoText(pausedSince),
  };
}
