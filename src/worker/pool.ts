/**
 * The workers of one language in one spool: how many there are, when they are started, recycled,
 * replaced and let go, and who gets what of all that needs a worker. A signal, and a task that was
 * chosen for this language, wait for a free worker and are given out first. Tasks that no one has
 * read yet are handed out in batches, by `src/worker/batches.ts`.
 */

import type { RaiseHow } from "../schedule/signal_handlers.ts";
import { LoadRetry } from "./load_retry.ts";
import type { WorkerAnswer } from "./message.ts";
import type { Registered } from "./registered.ts";
import { outputEvents } from "./output_events.ts";
import type { PoolListener, PoolOptions } from "./pool_options.ts";
import { Recycling } from "./recycling.ts";
import { type ChosenHow, type ChosenRun, endingError, WorkerRequests } from "./requests.ts";
import { sameOffer } from "./same_offer.ts";
import { TaskWorker } from "./task_worker.ts";
import { TotalsByNumber } from "./worker_totals.ts";
import { Unbegun } from "./unbegun.ts";
import type { LoadFailure, WorkerEnd, WorkerOffer } from "./worker_listener.ts";
import { counted } from "../platform/count_text.ts";

const NOBODY: PoolListener = { answered: () => {}, ended: () => {}, changed: () => {} };

const LOAD_LIMIT_MS = 60_000;
/** To load takes a core: more at a time would all be late, and the tasks that they are for with them. */
const CORES = navigator.hardwareConcurrency;

export class Pool {
  readonly #options: PoolOptions;
  #listener = NOBODY;
  readonly #workers = new Set<TaskWorker>();
  readonly #requests = new WorkerRequests();
  readonly #recycling: Recycling;
  readonly #outdated = new Set<TaskWorker>();
  /** Started with the first worker, and to load nothing before that one has. */
  readonly #held = new Map<TaskWorker, () => void>();
  readonly #retry: LoadRetry;
  readonly #unbegun = new Unbegun();
  #offer: WorkerOffer | null = null;
  readonly #totals = new TotalsByNumber();
  #isStopped = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#recycling = new Recycling(options);
    this.#retry = new LoadRetry(options.clock, () => this.#mayStart() && this.#startOne());
  }

  /** From now on this one is called. */
  listen(listener: PoolListener): void {
    this.#listener = listener;
  }

  /** What its modules offer; null until they have been loaded once. */
  get offer(): WorkerOffer | null {
    return this.#offer;
  }

  /** Its modules cannot be loaded, and no worker is left that has an earlier version of them. */
  get isFailing(): boolean {
    return this.#retry.failures > 0 && ![...this.#workers].some(({ isReady }) => isReady);
  }

  /** Its workers run as another user: the program keeps the locks of their tasks. */
  get isApart(): boolean {
    return this.#options.sockets.owner !== null;
  }

  get moduleNames(): string {
    return this.#options.modules.map(({ name }) => name).join(", ");
  }

  /** Process ids of its workers. */
  get pids(): number[] {
    return [...this.#workers].flatMap(({ pid }) => pid ?? []);
  }

  get workers(): readonly TaskWorker[] {
    return [...this.#workers];
  }

  /** Workers that are to be handed more, now that nobody else waits for one. */
  get open(): readonly TaskWorker[] {
    if (this.#requests.size > 0) return [];
    return [...this.#workers].filter((worker) =>
      worker.isReady && !this.#outdated.has(worker) && !this.#recycling.isSpent(worker) &&
      !worker.isTaken
    );
  }

  /** How many more tasks a worker may be handed before it is recycled. */
  left(worker: TaskWorker): number {
    return this.#recycling.left(worker);
  }

  /**
   * Starts what is needed before the first task can come: one, to learn what the modules offer. The
   * processes of the others start beside it, but wait: a module that cannot be loaded fails once.
   */
  start(): void {
    // A task that was found first may have started one.
    if (this.#workers.size === 0) this.#startOne();
    if (this.#options.idleMs === null) { while (this.#mayStart()) this.#startHeld(); }
  }

  /** There is work for this many more workers than are free. Others would slow down the first one. */
  demand(count: number): void {
    const most = this.#offer === null ? 1 : CORES;
    const loading = [...this.#workers].filter(({ isLoading }) => isLoading).length;
    for (let i = loading; i < Math.min(count, most) && this.#mayStart(); i++) this.#startOne();
  }

  /**
   * Runs one task in a worker of this pool.
   *
   * @returns null when it was not begun, because the pool ends
   */
  choose(id: string, attempt: number, how: ChosenHow = {}): Promise<ChosenRun | null> {
    if (this.#isStopped) return Promise.resolve(null);
    const chosen = this.#requests.choose(id, attempt, how);
    this.#giveOut();
    return chosen;
  }

  /** @param id the first task that the worker had not answered */
  isToBlame(id: string, end: WorkerEnd): boolean {
    return this.#unbegun.isToBlame(id, end);
  }

  hasSignal(signal: number): boolean {
    return this.#offer?.registered.signals.includes(signal) ?? false;
  }

  /** What the handler of a signal is called; null without a name. */
  handlerName(signal: number): string | null {
    return this.#offer?.registered.handlers[signal] ?? null;
  }

  /** Runs the handler of a signal in the next free worker. */
  raise(signal: number, how: RaiseHow): Promise<void> {
    if (this.#isStopped) return Promise.reject(endingError());
    const ended = (worker: TaskWorker) => this.#onAnswers(worker, []);
    const done = this.#requests.raise(signal, how, ended);
    this.#giveOut();
    return done;
  }

  /** Fresh workers take the place of those there are, each when its present task is over. */
  reload(): void {
    this.#retry.reset();
    for (const worker of this.#workers) {
      this.#outdated.add(worker);
      worker.stop();
    }
    if (this.#workers.size === 0) this.#startOne();
  }

  /** Resolves when all have ended; each ends its present task first. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry.stop();
    const workers = [...this.#workers];
    for (const worker of workers) worker.stop();
    this.#requests.refuseAll();
    await Promise.all(workers.map(({ ended }) => ended));
  }

  /** What runs is to be broken off. */
  abort(reason: string): void {
    for (const worker of this.#workers) worker.interrupt(reason);
  }

  #mayStart(): boolean {
    return !this.#isStopped && !this.#retry.isWaiting && this.#workers.size < this.#options.size;
  }

  #startHeld(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(this.#startOne(promise), resolve);
  }

  #startOne(mayLoad: Promise<void> = Promise.resolve()): TaskWorker {
    const { modules, command, setup, sockets, tasks, harakiriMs, loadLimitMs, stopping, clock } =
      this.#options;
    const numbers = new Set([...this.#workers].map(({ number }) => number));
    let worker = 1;
    while (numbers.has(worker)) worker++;
    const started: TaskWorker = new TaskWorker({
      ...{ command, totals: this.#totals.spawned(worker, clock.now()) },
      setup: { ...setup, modules, worker },
      sockets,
      tasks,
      harakiriMs,
      loadLimitMs: loadLimitMs ?? LOAD_LIMIT_MS,
      mayLoad,
      clock,
      ...(stopping ? { stopping } : {}),
      listener: {
        loaded: (each, offer) => this.#onLoaded(each, offer),
        loadFailed: (_each, failure) => this.#onLoadFailed(failure),
        registered: (_each, registered) => this.#onRegistered(registered),
        answered: (each, answers) => this.#onAnswers(each, answers),
        ...outputEvents(this.#options),
        call: (call) => this.#options.call(call),
        ended: (each, end) => this.#onEnd(each, end),
      },
    });
    this.#workers.add(started);
    this.#options.debug?.(
      `${started.label} started, ${this.#workers.size} of ${this.#options.size}`,
    );
    return started;
  }

  #onLoaded(worker: TaskWorker, offer: WorkerOffer): void {
    const { emit, spool, idleMs } = this.#options;
    const isNews = this.#offer === null || this.#retry.failures > 0 ||
      !sameOffer(this.#offer, offer);
    this.#retry.loaded();
    this.#offer = offer;
    if (isNews) {
      const { language, functions, catchAll } = offer;
      const modules = this.moduleNames;
      emit({ type: "workers.ready", spool, modules, language, functions, catchAll });
      this.#options.registered(offer.registered);
      // They may have a handler now for what had none.
      this.#options.tasks.endPostponements();
    }
    for (const proceed of this.#held.values()) proceed();
    this.#held.clear();
    if (idleMs === null) { while (this.#mayStart()) this.#startOne(); }
    else this.#recycling.watchIdle(worker);
    this.#giveOut();
    this.#listener.changed();
  }

  #onLoadFailed({ message, trace, files }: LoadFailure): void {
    if (this.#isStopped) return;
    const { emit, spool } = this.#options;
    const retryMs = this.#retry.failed(files);
    emit({ type: "workers.unloadable", spool, message, retryMs });
    for (const line of trace) emit({ type: "worker.output", spool, stream: "stderr", line });
    // Others would fail of the same, and be reported, too.
    for (const worker of this.#workers) if (worker.isLoading) worker.stop();
    this.#held.clear();
  }

  #onRegistered(registered: Registered): void {
    if (this.#offer === null) return;
    if (JSON.stringify(this.#offer.registered) === JSON.stringify(registered)) return;
    this.#offer = { ...this.#offer, registered };
    this.#options.registered(registered);
  }

  #onAnswers(worker: TaskWorker, answers: readonly WorkerAnswer[]): void {
    for (const { task } of answers) this.#unbegun.answered(task);
    this.#listener.answered(worker, answers);
    this.#recycling.stopSpent(worker);
    this.#giveOut();
    this.#listener.changed();
    this.#recycling.watchIdle(worker);
  }

  /** Signals and chosen tasks go to workers that have nothing else. */
  #giveOut(): void {
    while (this.#requests.size > 0) {
      const free = [...this.#workers].find((worker) =>
        worker.isReady && !worker.isBusy && !this.#recycling.isSpent(worker)
      );
      if (free === undefined) return this.demand(this.#requests.size);
      this.#options.debug?.(`${free.label} is free for ${counted(this.#requests.size, "request")}`);
      this.#requests.startNext(free);
    }
  }

  #onEnd(worker: TaskWorker, end: WorkerEnd): void {
    const { emit, spool, idleMs } = this.#options;
    this.#options.debug?.(`${worker.label} ended: ${end.reason}`);
    this.#options.gone(worker);
    this.#workers.delete(worker);
    this.#held.delete(worker);
    this.#outdated.delete(worker);
    this.#recycling.forget(worker);
    worker.endChosen((id) => this.isToBlame(id, end), end);
    if (!end.isAsked && !this.#isStopped && !this.#retry.isWaiting) {
      emit({ type: "worker.ended", spool, pid: worker.pid ?? 0, reason: end.reason });
    }
    this.#listener.ended(worker, end);
    // Code that ends its worker while it has nothing to do would do so without end.
    if (!end.isAsked && !this.#retry.isWaiting && worker.answered === 0 && !end.wasBusy) {
      const message = `${this.moduleNames}: ${end.reason} before its first task`;
      this.#onLoadFailed({ message, trace: [], files: this.#offer?.files ?? [] });
    }
    const isNeeded = idleMs === null || this.#requests.size > 0;
    if (isNeeded && this.#mayStart()) this.#startOne();
    this.#listener.changed();
  }
}
