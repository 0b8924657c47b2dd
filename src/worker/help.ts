/**
 * Gives idle workers what waits behind a slow task. The slow worker is not asked, for it cannot answer:
 * the lock decides who runs a task that two have.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { Debug } from "../report/debug.ts";
import type { HandoutParts } from "../queue/dispatcher.ts";
import type { BatchSize } from "./batch_size.ts";
import type { Pool } from "./pool.ts";
import { counted } from "../platform/count_text.ts";

export interface HelpOptions extends HandoutParts {
  readonly pool: Pool;
  readonly size: BatchSize;
  readonly clock: Clock;
  readonly debug: Debug;
}

/** A worker whose present task takes longer is helped. */
const HELP_AFTER_MS = 50;
/** A task that is done and not yet answered is still counted as waiting: help is not offered for ever. */
const MOST_HELP = 3;

export class Help {
  readonly #options: HelpOptions;
  #cancel: Cancel | null = null;

  constructor(options: HelpOptions) {
    this.#options = options;
  }

  /** A worker is idle: helps now, or when a task has gone on for long enough. */
  arrange(): void {
    if (this.#cancel !== null || this.#behind(0).length === 0) return;
    if (this.#behind(HELP_AFTER_MS).length > 0) return this.#give();
    this.#cancel = this.#options.clock.after(HELP_AFTER_MS, () => {
      this.#cancel = null;
      this.#give();
      this.#options.wake();
    });
  }

  /** What waits behind tasks that have gone on for some time, and may be given to another worker. */
  #behind(forMs: number): string[] {
    const { pool, tasks } = this.#options;
    const slow = pool.workers.filter(({ unanswered, busyMs }) =>
      unanswered.size > 1 && busyMs >= forMs
    );
    const ids = slow.flatMap(({ unanswered }) => [...unanswered].slice(1));
    return [...new Set(ids)].filter((id) => {
      const state = tasks.get(id);
      return state?.kind === "handed" && state.helped < MOST_HELP;
    });
  }

  #give(): void {
    const behind = this.#behind(HELP_AFTER_MS);
    if (behind.length === 0) return;
    const { pool, starts, tasks, size } = this.#options;
    const helpers = pool.open.filter(({ isBusy }) => !isBusy);
    const share = Math.ceil(behind.length / helpers.length);
    for (const helper of helpers) {
      if (tasks.busyWorkers >= starts.slots) return;
      const ids = behind.splice(0, Math.min(share, size.size, pool.left(helper)));
      if (ids.length === 0) return;
      for (const id of ids) tasks.apply(id, { type: "helped", worker: helper });
      this.#options.debug?.(
        `${helper.label} gets ${counted(ids.length, "task")} that waited behind a slow one`,
      );
      helper.hand(ids);
    }
  }

  stop(): void {
    this.#cancel?.();
  }
}
