/**
 * `spooler-failed-max-age`: scans failed/ at the start and from time to time, and removes what
 * has been there for too long. Each removed task is logged.
 */

import { type Cancel, type Clock, turnOfOthers } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import type { Store } from "../spool/store.ts";

export interface RetentionOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly store: Store;
  /** How long a task is kept in failed/. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

const LONGEST_WAIT_MS = 3_600_000;
const SHORTEST_WAIT_MS = 1000;

/** Between two scans: a tenth of the age, so that no task stays much longer than was asked for. */
export function retentionWaitMs(maxAgeMs: number): number {
  return Math.max(SHORTEST_WAIT_MS, Math.min(maxAgeMs / 10, LONGEST_WAIT_MS));
}

export class Retention {
  readonly #options: RetentionOptions;
  #cancel: Cancel = () => {};
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Begins with a scan; resolves when that is over. */
  start(): Promise<void> {
    this.#work = this.#expire();
    return this.#work;
  }

  /** Resolves when nothing more is removed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#work;
  }

  async #expire(): Promise<void> {
    const { name, store, maxAgeMs, clock, emit } = this.#options;
    let removed = 0;
    try {
      for (const tasks of store.removeFailedBefore(clock.now() - maxAgeMs)) {
        for (const { name: task, failedAt } of tasks) {
          emit({ type: "task.expired", spool: name, task, failedAt });
        }
        removed += tasks.length;
        await turnOfOthers();
        if (this.#stopped) break;
      }
    } catch (error) {
      const message = `cannot remove old tasks from failed/: ${error}`;
      emit({ type: "spool.warning", spool: name, message });
    }
    if (removed > 0) emit({ type: "spool.expired", spool: name, removed });
    if (this.#stopped) return;
    this.#cancel = clock.after(retentionWaitMs(maxAgeMs), () => this.#work = this.#expire());
  }
}
