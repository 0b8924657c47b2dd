/** Which tasks workers may be handed before anybody has read them. */

import type { Clock } from "../platform/clock.ts";
import { firstChance } from "../queue/age.ts";
import type { Ready } from "../queue/task_state.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { Store } from "../spool/store.ts";

export interface UnreadOptions {
  readonly store: Pick<Store, "mayRunUnread">;
  readonly maxAgeMs: number | null;
  readonly clock: Clock;
}

export class Unread {
  readonly #options: UnreadOptions;
  #askedPriority: string | null | undefined;
  #isFine = false;

  constructor(options: UnreadOptions) {
    this.#options = options;
  }

  /** A new batch: directories are asked again. */
  forget(): void {
    this.#askedPriority = undefined;
  }

  allows(task: Ready, id: string): boolean {
    // A message to a worker is text, and cannot hold a name that is not UTF-8.
    // What was read to find out whose turn it is has a limit, perhaps, that only the program counts.
    return task.route === "workers" && task.share === null && id.isWellFormed() &&
      !this.#mayBeTooOld(task) &&
      this.#isFineIn(task.priority);
  }

  /** Asked of each directory once a batch. */
  #isFineIn(priority: string | null): boolean {
    if (priority !== this.#askedPriority) {
      this.#askedPriority = priority;
      this.#isFine = this.#options.store.mayRunUnread(priority);
    }
    return this.#isFine;
  }

  #mayBeTooOld(task: TaskRef): boolean {
    const { maxAgeMs, clock } = this.#options;
    if (maxAgeMs === null) return false;
    const chance = firstChance(task.name, []);
    return chance === null || clock.now() - chance > maxAgeMs;
  }
}
