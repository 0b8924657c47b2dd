/** Tasks of batches whose runs an operator has ended, until their workers have answered or ended. */

import type { KillOrder } from "../exec/kill_order.ts";
import type { KillResult } from "../queue/kill_result.ts";
import type { Handed } from "../queue/task_state.ts";
import type { Fate } from "../task/fate.ts";
import type { TaskWorker } from "./task_worker.ts";

interface Kill {
  readonly id: string;
  readonly order: KillOrder;
  readonly result: Promise<KillResult>;
  settle(result: KillResult): void;
}

export class Kills {
  readonly #kills = new Map<TaskWorker, Kill>();

  /** Ends what the workers of a task do for it, if one of them has begun it. */
  async obey(id: string, { workers }: Handed, order: KillOrder): Promise<KillResult> {
    const worker = [...this.#workersOf(workers)].find(({ running }) => running === id);
    if (worker === undefined) return { kind: "not running", state: "ready" };
    const known = this.#kills.get(worker);
    if (known !== undefined) return known.id === id ? await known.result : BUSY_WITH_ANOTHER;
    const { promise, resolve } = Promise.withResolvers<KillResult>();
    this.#kills.set(worker, { id, order, result: promise, settle: resolve });
    worker.abort(order.reason, order.signal);
    return await promise;
  }

  *#workersOf(holders: Handed["workers"]): Generator<TaskWorker> {
    for (const holder of holders) yield holder as TaskWorker;
  }

  /** The order that a worker got for this task; undefined without one. */
  orderFor(worker: TaskWorker, id: string): KillOrder | undefined {
    const kill = this.#kills.get(worker);
    return kill?.id === id ? kill.order : undefined;
  }

  /** The task that a worker was ended for. */
  killedIn(worker: TaskWorker): string | undefined {
    return this.#kills.get(worker)?.id;
  }

  /** The run is over; null is a fate that could not be written. */
  ended(worker: TaskWorker, id: string, fate: Fate["kind"] | null): void {
    const kill = this.#kills.get(worker);
    if (kill?.id !== id) return;
    this.#kills.delete(worker);
    kill.settle({ kind: "ended", fate });
  }
}

const BUSY_WITH_ANOTHER: KillResult = {
  kind: "refused",
  reason: "its worker is being ended for another task",
};
