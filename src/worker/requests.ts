/** What waits for a worker of its own: signals, which go first, and tasks chosen for this language. */

import { onKill } from "../exec/kill_order.ts";
import { InterruptedError } from "../exec/stop_signal.ts";
import type { RaiseHow } from "../schedule/signal_handlers.ts";
import type { ClaimedTask } from "../spool/store.ts";
import type { WorkerAnswer } from "./message.ts";
import type { TaskWorker } from "./task_worker.ts";

/** A task that a worker of the pool has run, and holds. */
export interface ChosenRun {
  readonly answer: WorkerAnswer;
  /** Its fate is on disk. */
  release(): void;
}

/** A task whose claim stays the program's: the worker runs as another user. */
export interface KeptTask {
  readonly task: ClaimedTask;
  /** Called with the process that runs it. */
  begun(pid: number): void;
}

export interface ChosenHow {
  /** Null or absent for a task whose claim the worker takes over. */
  readonly kept?: KeptTask | null;
  /** An operator may end it by this. */
  readonly abort?: AbortSignal;
}

interface WorkerRequest {
  start(worker: TaskWorker): void;
  /** The pool ends. */
  refuse(): void;
}

export class WorkerRequests {
  readonly #signals: WorkerRequest[] = [];
  readonly #choices: WorkerRequest[] = [];

  get size(): number {
    return this.#signals.length + this.#choices.length;
  }

  /** Resolves to null when the task was not begun, because the pool ends. */
  async choose(
    id: string,
    attempt: number,
    { kept = null, abort }: ChosenHow,
  ): Promise<ChosenRun | null> {
    const { promise, resolve, reject } = Promise.withResolvers<ChosenRun | null>();
    let present: TaskWorker | null = null;
    const run = async (worker: TaskWorker) => {
      present = worker;
      using _copy = kept && worker.lay(kept.task);
      if (worker.pid !== null) kept?.begun(worker.pid);
      const answer = await worker.choose(id, attempt);
      return answer && { answer, release: () => worker.release(id) };
    };
    const request: WorkerRequest = {
      start: (worker) => void run(worker).then(resolve, reject),
      refuse: () => resolve(null),
    };
    this.#choices.push(request);
    const end = this.#endWhenKilled(abort, this.#choices, request, () => present);
    return await promise.finally(end);
  }

  /** An operator may end what waits, or what a worker does for it. */
  #endWhenKilled(
    abort: AbortSignal | undefined,
    queue: WorkerRequest[],
    request: WorkerRequest,
    worker: () => TaskWorker | null,
  ): () => void {
    return onKill(abort, (order) => {
      worker()?.abort(order.reason, order.signal);
      const at = queue.indexOf(request);
      if (at < 0) return;
      queue.splice(at, 1);
      request.refuse();
    });
  }

  /** @param ended is called when the handler has ended, whether it failed or not */
  async raise(
    signal: number,
    { limitMs, begun, abort }: RaiseHow,
    ended: (worker: TaskWorker) => void,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let present: TaskWorker | null = null;
    const request: WorkerRequest = {
      start: (worker) => {
        present = worker;
        const done = worker.raise(signal, limitMs);
        begun();
        resolve(done);
        const next = () => ended(worker);
        done.then(next, next);
      },
      refuse: () => reject(endingError()),
    };
    this.#signals.push(request);
    const end = this.#endWhenKilled(abort, this.#signals, request, () => present);
    await promise.finally(end);
  }

  /** Gives the first of them this worker, which has nothing else to do. */
  startNext(worker: TaskWorker): void {
    const request = this.#signals.shift() ?? this.#choices.shift();
    request?.start(worker);
  }

  refuseAll(): void {
    for (const request of [...this.#signals.splice(0), ...this.#choices.splice(0)]) {
      request.refuse();
    }
  }
}

export const endingError = () => new InterruptedError("not begun: the workers are stopping");
