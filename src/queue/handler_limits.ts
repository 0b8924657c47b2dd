/** The runs of handlers that have a limit of their own, and what waits for them to end. @pure */

import type { Executor } from "../exec/executor.ts";

interface LimitedRuns {
  running: number;
  /** Ids, in the order in which they run. */
  readonly waiting: Set<string>;
}

export class HandlerLimits {
  readonly #runs = new Map<Executor, LimitedRuns>();

  runsOf(handler: Executor): number {
    return this.#runs.get(handler)?.running ?? 0;
  }

  /** The task that waits longest. */
  firstWaiting(handler: Executor): string | undefined {
    return this.#runs.get(handler)?.waiting.values().next().value;
  }

  began(handler: Executor | null): void {
    if (handler !== null) this.#of(handler).running++;
  }

  ended(handler: Executor | null): void {
    if (handler !== null) this.#of(handler).running--;
  }

  waits(handler: Executor, id: string): void {
    this.#of(handler).waiting.add(id);
  }

  waitsNoMore(handler: Executor, id: string): void {
    this.#of(handler).waiting.delete(id);
  }

  #of(handler: Executor): LimitedRuns {
    let runs = this.#runs.get(handler);
    if (!runs) this.#runs.set(handler, runs = { running: 0, waiting: new Set() });
    return runs;
  }
}
