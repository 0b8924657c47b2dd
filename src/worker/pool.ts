/**
 * The workers of one language in one spool: how many there are, when they are started, recycled,
 * replaced and let go, and who gets what of all that needs a worker.
 *
 * Work comes in three kinds. A signal, and a task that was chosen for this language, wait for a free
 * worker and are given out first. Tasks that nobody has looked at yet are handed out in batches, by
 * `src/worker/lane.ts`.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import type { SocketDirectory } from "./connection.ts";
import type { ModuleRef, Registered, Setup, TaskAnswer } from "./message.ts";
import type { WorkerCommand } from "./process.ts";
import {
  type Loaded,
  type LoadFailure,
  TaskWorker,
  type WorkerCall,
  type WorkerEnd,
} from "./task_worker.ts";

export interface PoolOptions {
  /** The spool's name, for the log. */
  readonly spool: string;
  readonly modules: readonly ModuleRef[];
  readonly command: WorkerCommand;
  /** What each worker is told, but for its number and its modules. */
  readonly setup: Omit<Setup, "worker" | "modules">;
  readonly sockets: SocketDirectory;
  /** Workers at the same time. */
  readonly size: number;
  readonly harakiriMs: number | null;
  /** Tasks after which a worker makes room for a fresh one; null is never. */
  readonly maxTasks: number | null;
  /** Start workers when there is work, and let them go after this time without any; null is never. */
  readonly idleMs: number | null;
  readonly loadLimitMs?: number;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Told what the code has registered, whenever that is something else than before. */
  registered(registered: Registered): void;
  /** Rejects with what the worker is told. */
  call(call: WorkerCall): Promise<unknown>;
  /** What it had asked for is of no use to it any more. */
  gone(worker: TaskWorker): void;
}

/** Who hands out tasks that were not chosen, and wants to know what became of them. */
export interface PoolListener {
  answered(worker: TaskWorker, answers: readonly TaskAnswer[]): void;
  /** It is gone, with these tasks unanswered. */
  ended(worker: TaskWorker, end: WorkerEnd): void;
  /** A worker may have become free, or what the modules offer has changed. */
  changed(): void;
}

const NOBODY: PoolListener = { answered: () => {}, ended: () => {}, changed: () => {} };

interface Choice {
  readonly id: string;
  readonly attempt: number;
  resolve(answer: TaskAnswer): void;
}

interface Raise {
  readonly signal: number;
  resolve(done: Promise<void>): void;
  reject(error: Error): void;
}

const LOAD_LIMIT_MS = 60_000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;
/** How often a file of a module that could not be loaded is looked at. */
const WATCH_EVERY_MS = 1000;

export class Pool {
  readonly #options: PoolOptions;
  #listener = NOBODY;
  readonly #workers = new Set<TaskWorker>();
  readonly #choices: Choice[] = [];
  /** Chosen tasks that a worker has, until their lock is released. */
  readonly #chosen = new Map<string, { readonly choice: Choice; readonly worker: TaskWorker }>();
  readonly #holders = new Map<string, TaskWorker>();
  readonly #raises: Raise[] = [];
  readonly #outdated = new Set<TaskWorker>();
  /** Started with the first worker, and to load nothing before that one has. */
  readonly #held = new Map<TaskWorker, () => void>();
  #loaded: Loaded | null = null;
  #failures = 0;
  #cancelRetry: Cancel = () => {};
  #cancelWatch: Cancel = () => {};
  #isWaiting = false;
  #isStopped = false;
  #isAborted = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** From now on this one is told. */
  listen(listener: PoolListener): void {
    this.#listener = listener;
  }

  /** What its modules offer; null until they have been loaded once. */
  get loaded(): Loaded | null {
    return this.#loaded;
  }

  /** Its modules cannot be loaded, and no worker is left that has an earlier version of them. */
  get isFailing(): boolean {
    return this.#failures > 0 && ![...this.#workers].some(({ isReady }) => isReady);
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
    if (this.#choices.length + this.#raises.length > 0) return [];
    return [...this.#workers].filter((worker) =>
      worker.isReady && !this.#outdated.has(worker) && !this.#isSpent(worker) &&
      this.#isFree(worker.unanswered)
    );
  }

  /** None of what it has was chosen: that is done alone. */
  #isFree(unanswered: ReadonlySet<string>): boolean {
    const [first] = unanswered;
    return first === undefined || !this.#chosen.has(first);
  }

  /** How many more tasks a worker may be handed before it is recycled. */
  left(worker: TaskWorker): number {
    const { maxTasks } = this.#options;
    return maxTasks === null
      ? Infinity
      : Math.max(0, maxTasks - worker.answered - worker.unanswered.size);
  }

  /**
   * Starts what is needed before the first task can come: one, to learn what the modules offer. The
   * processes of the others start beside it, but wait: a module that cannot be loaded fails once.
   */
  start(): void {
    this.#startOne();
    if (this.#options.idleMs === null) { while (this.#mayStart()) this.#startHeld(); }
  }

  /** There is work for this many more workers than are free. */
  demand(count: number): void {
    const waiting = [...this.#workers].filter(({ isLoading }) => isLoading).length;
    for (let i = waiting; i < count && this.#mayStart(); i++) this.#startOne();
  }

  /** Runs one task in a worker of this pool; its lock is held until {@link release}. */
  choose(id: string, attempt: number): Promise<TaskAnswer> {
    const { promise, resolve } = Promise.withResolvers<TaskAnswer>();
    if (this.#isStopped) return Promise.resolve(withdrawn(id));
    this.#choices.push({ id, attempt, resolve });
    this.#giveOut();
    return promise;
  }

  release(id: string): void {
    this.#holders.get(id)?.release(id);
    this.#holders.delete(id);
  }

  hasSignal(signal: number): boolean {
    return this.#loaded?.registered.signals.includes(signal) ?? false;
  }

  /** Runs the handler of a signal in a free worker. */
  raise(signal: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#isStopped) return Promise.reject(new Error("the program ends"));
    this.#raises.push({ signal, resolve, reject });
    this.#giveOut();
    return promise;
  }

  /** Fresh workers take the place of those there are, each when its present task is over. */
  reload(): void {
    this.#cancelRetry();
    this.#isWaiting = false;
    this.#failures = 0;
    for (const worker of this.#workers) {
      this.#outdated.add(worker);
      worker.stop();
    }
    if (this.#workers.size === 0) this.#startOne();
  }

  /** Resolves when all have ended; each ends its present task first. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#cancelWatch();
    const workers = [...this.#workers];
    for (const worker of workers) worker.stop();
    for (const { id, resolve } of this.#choices.splice(0)) resolve(withdrawn(id));
    for (const { reject } of this.#raises.splice(0)) reject(new Error("the program ends"));
    await Promise.all(workers.map(({ ended }) => ended));
  }

  /** What runs is to be broken off. */
  abort(reason: string): void {
    this.#isAborted = true;
    for (const worker of this.#workers) {
      if (worker.isBusy) worker.abort(reason);
      else worker.kill(reason);
    }
  }

  #mayStart(): boolean {
    return !this.#isStopped && !this.#isWaiting && this.#workers.size < this.#options.size;
  }

  #startHeld(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(this.#startOne(promise), resolve);
  }

  #startOne(mayLoad: Promise<void> = Promise.resolve()): TaskWorker {
    const { modules, command, setup, sockets, harakiriMs, loadLimitMs, clock } = this.#options;
    const numbers = new Set([...this.#workers].map(({ number }) => number));
    let worker = 1;
    while (numbers.has(worker)) worker++;
    const started: TaskWorker = new TaskWorker({
      command,
      setup: { ...setup, modules, worker },
      sockets,
      harakiriMs,
      loadLimitMs: loadLimitMs ?? LOAD_LIMIT_MS,
      mayLoad,
      clock,
      listener: {
        loaded: (each, loaded) => this.#onLoaded(each, loaded),
        loadFailed: (_each, failure) => this.#onLoadFailed(failure),
        registered: (_each, registered) => this.#onRegistered(registered),
        answered: (each, answers) => this.#onAnswers(each, answers),
        output: (task, func, stream, line) => this.#onOutput(task, func, stream, line),
        call: (call) => this.#options.call(call),
        ended: (each, end) => this.#onEnd(each, end),
      },
    });
    this.#workers.add(started);
    return started;
  }

  #onLoaded(worker: TaskWorker, loaded: Loaded): void {
    const { emit, spool, idleMs } = this.#options;
    const isNews = this.#loaded === null || this.#failures > 0 || !sameOffer(this.#loaded, loaded);
    this.#failures = 0;
    this.#cancelWatch();
    this.#loaded = loaded;
    if (isNews) {
      const { language, functions, catchAll } = loaded;
      const modules = this.moduleNames;
      emit({ type: "workers.ready", spool, modules, language, functions, catchAll });
      this.#options.registered(loaded.registered);
    }
    for (const proceed of this.#held.values()) proceed();
    this.#held.clear();
    if (idleMs === null) { while (this.#mayStart()) this.#startOne(); }
    else this.#watchIdle(worker, idleMs);
    this.#giveOut();
    this.#listener.changed();
  }

  #onLoadFailed(failure: LoadFailure): void {
    if (this.#isStopped) return;
    const { emit, spool, clock } = this.#options;
    const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures++;
    emit({
      type: "workers.unloadable",
      spool,
      message: failure.message,
      retryMs,
    });
    for (const line of failure.trace) {
      emit({ type: "worker.output", spool, stream: "stderr", line });
    }
    this.#isWaiting = true;
    // Others would fail of the same, and be told of, too.
    for (const worker of this.#workers) if (worker.isLoading) worker.stop();
    this.#held.clear();
    this.#cancelRetry();
    this.#cancelRetry = clock.after(retryMs, () => this.#retry());
    this.#watchFiles(failure.files);
  }

  #retry(): void {
    this.#cancelRetry();
    this.#cancelWatch();
    this.#isWaiting = false;
    if (this.#mayStart()) this.#startOne();
  }

  /** A file that changes is a reason to try at once. */
  #watchFiles(files: readonly string[]): void {
    this.#cancelWatch();
    if (files.length === 0) return;
    let isOver = false;
    let cancel: Cancel = () => {};
    this.#cancelWatch = () => {
      isOver = true;
      cancel();
    };
    const look = async (before: string | null) => {
      const now = await stampOf(files);
      if (isOver) return;
      if (before !== null && before !== now) return this.#retry();
      cancel = this.#options.clock.after(WATCH_EVERY_MS, () => look(now));
    };
    look(null);
  }

  #onRegistered(registered: Registered): void {
    if (this.#loaded === null) return;
    if (JSON.stringify(this.#loaded.registered) === JSON.stringify(registered)) return;
    this.#loaded = { ...this.#loaded, registered };
    this.#options.registered(registered);
  }

  #onAnswers(worker: TaskWorker, answers: readonly TaskAnswer[]): void {
    const others = answers.filter((answer) => !this.#settleChoice(worker, answer));
    this.#listener.answered(worker, others);
    this.#recycle(worker);
    this.#giveOut();
    this.#listener.changed();
    const { idleMs } = this.#options;
    if (idleMs !== null && !worker.isBusy) this.#watchIdle(worker, idleMs);
  }

  #settleChoice(worker: TaskWorker, answer: TaskAnswer): boolean {
    const chosen = this.#chosen.get(answer.task);
    if (chosen?.worker !== worker) return false;
    this.#chosen.delete(answer.task);
    this.#holders.set(answer.task, worker);
    chosen.choice.resolve(answer);
    return true;
  }

  #isSpent(worker: TaskWorker): boolean {
    const { maxTasks } = this.#options;
    return maxTasks !== null && worker.answered >= maxTasks;
  }

  #recycle(worker: TaskWorker): void {
    if (worker.isReady && !worker.isBusy && this.#isSpent(worker)) worker.stop();
  }

  #watchIdle(worker: TaskWorker, idleMs: number): void {
    const { clock } = this.#options;
    clock.after(idleMs, () => {
      if (!worker.isReady || worker.isBusy) return;
      if (clock.monotonic() - worker.idleSince >= idleMs) worker.stop();
    });
  }

  /** Signals and chosen tasks go to workers that have nothing else. */
  #giveOut(): void {
    while (this.#raises.length + this.#choices.length > 0) {
      const free = [...this.#workers].find((worker) =>
        worker.isReady && !worker.isBusy && !this.#isSpent(worker)
      );
      if (free === undefined) {
        this.demand(this.#raises.length + this.#choices.length);
        return;
      }
      const raise = this.#raises.shift();
      if (raise !== undefined) {
        const done = free.raise(raise.signal);
        raise.resolve(done);
        const next = () => this.#onAnswers(free, []);
        done.then(next, next);
        continue;
      }
      const choice = this.#choices.shift();
      if (choice === undefined) return;
      this.#chosen.set(choice.id, { choice, worker: free });
      free.choose(choice.id, choice.attempt);
    }
  }

  #onOutput(
    task: string | null,
    func: string,
    stream: "stdout" | "stderr",
    line: string,
  ): void {
    const { emit, spool } = this.#options;
    if (task === null && func === "") emit({ type: "worker.output", spool, stream, line });
    else emit({ type: "task.output", task: task ?? "", func, stream, line });
  }

  #onEnd(worker: TaskWorker, how: WorkerEnd): void {
    const { emit, spool, idleMs } = this.#options;
    // What ends with the program is nobody's fault.
    const end = { ...how, isAsked: how.isAsked || this.#isAborted };
    this.#options.gone(worker);
    this.#workers.delete(worker);
    this.#held.delete(worker);
    this.#outdated.delete(worker);
    for (const [id, holder] of this.#holders) if (holder === worker) this.#holders.delete(id);
    const left: string[] = [];
    for (const id of end.left) {
      if (!this.#endChoice(worker, id, end)) left.push(id);
    }
    if (!end.isAsked && !this.#isStopped && !this.#isWaiting) {
      emit({ type: "worker.ended", spool, pid: worker.pid ?? 0, reason: end.reason });
    }
    this.#listener.ended(worker, { ...end, left });
    // Code that ends its worker while it has nothing to do would do so without end.
    if (!end.isAsked && !this.#isWaiting && worker.answered === 0 && end.left.length === 0) {
      const message = `${this.moduleNames}: ${end.reason} before it had a task`;
      this.#onLoadFailed({ message, trace: [], files: this.#loaded?.files ?? [] });
    }
    const isNeeded = idleMs === null || this.#choices.length + this.#raises.length > 0;
    if (isNeeded && this.#mayStart()) this.#startOne();
    this.#listener.changed();
  }

  /** A chosen task whose worker has ended: it failed, unless it was not even begun. */
  #endChoice(worker: TaskWorker, id: string, end: WorkerEnd): boolean {
    const chosen = this.#chosen.get(id);
    if (chosen?.worker !== worker) return false;
    this.#chosen.delete(id);
    const answer = withdrawn(id);
    chosen.choice.resolve(
      end.isAsked ? answer : { ...answer, kind: "failed", reason: end.reason },
    );
    return true;
  }
}

function withdrawn(task: string): TaskAnswer {
  return { task, kind: "withdrawn", func: "", tookMs: 0, reason: "", stderr: "" };
}

function sameOffer(a: Loaded, b: Loaded): boolean {
  const offer = ({ functions, catchAll, registered }: Loaded) =>
    JSON.stringify([functions, catchAll, registered]);
  return offer(a) === offer(b);
}

/** Changes whenever one of the files does. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    files.map((file) =>
      Deno.stat(file).then(({ mtime, size }) => `${mtime?.getTime()} ${size}`, () => "none")
    ),
  );
  return stamps.join();
}
