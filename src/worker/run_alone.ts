/** What one worker runs alone: handlers of signals, and the one task that was chosen for it. */

import type { AnswerGroup, WorkerAnswer } from "./message.ts";
import type { WorkerEnd } from "./worker_listener.ts";

interface RaisedSignal {
  resolve(): void;
  reject(error: Error): void;
}

interface ChosenTask {
  readonly id: string;
  resolve(answer: WorkerAnswer | null): void;
}

export class RunAlone {
  readonly #signals = new Map<number, RaisedSignal>();
  #lastSignal = 0;
  #chosen: ChosenTask | null = null;

  /** The task that was chosen for it. */
  get chosen(): string | undefined {
    return this.#chosen?.id;
  }

  get hasSignals(): boolean {
    return this.#signals.size > 0;
  }

  get isBusy(): boolean {
    return this.#chosen !== null || this.hasSignals;
  }

  /** Resolves to null when the worker ended before the task began. */
  choose(id: string): Promise<WorkerAnswer | null> {
    const { promise, resolve } = Promise.withResolvers<WorkerAnswer | null>();
    this.#chosen = { id, resolve };
    return promise;
  }

  /** @returns the number of this run, and its end */
  raise(): { readonly id: number; readonly done: Promise<void> } {
    const id = ++this.#lastSignal;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#signals.set(id, { resolve, reject });
    return { id, done: promise };
  }

  /** @returns whether the answer to the chosen task was among these */
  answerChosen(groups: readonly AnswerGroup[]): boolean {
    const chosen = groups.find(({ task }) => task === this.#chosen?.id);
    if (chosen === undefined) return false;
    this.#chosen?.resolve(chosen);
    this.#chosen = null;
    return true;
  }

  /** @returns what reports it to whoever raised it */
  signalDone(id: number, error: string | null): () => void {
    const raised = this.#signals.get(id);
    this.#signals.delete(id);
    return () => error === null ? raised?.resolve() : raised?.reject(new Error(error));
  }

  failSignals(error: Error): void {
    for (const { reject } of this.#signals.values()) reject(error);
    this.#signals.clear();
  }

  /** The chosen task ends with its worker: it failed, when it is to blame. */
  endChosen(isToBlame: (id: string) => boolean, { reason, busyMs }: WorkerEnd): void {
    const chosen = this.#chosen;
    if (chosen === null) return;
    this.#chosen = null;
    const failure = { kind: "failed", func: "", tookMs: busyMs, reason, stderr: "" } as const;
    chosen.resolve(!isToBlame(chosen.id) ? null : { task: chosen.id, ...failure });
  }
}
