/**
 * One worker as the program sees it: what it may do, what it has been handed, and the time it takes.
 *     loading ──loaded──► ready ──stop──► stopping ──► ended
 *        └──── load-failed, or its process ended ─────────┘
 */

import { type Exit, GRACE_MS } from "../exec/process.ts";
import type { WorkerTotals } from "../report/snapshot.ts";
import { InterruptedError, isEndedByStop } from "../exec/stop_signal.ts";
import type { ProcessSignal } from "../platform/signals.ts";
import { answersTo } from "./answered.ts";
import type { Received } from "./channel.ts";
import { ProtocolError } from "./frame.ts";
import { KillTimer } from "./kill_timer.ts";
import { WorkerLink } from "./link.ts";
import type { AnswerGroup, WorkerAnswer } from "./message.ts";
import { RunAlone } from "./run_alone.ts";
import { TimeLimit } from "./time_limit.ts";
import { endOf } from "./worker_end.ts";
import type { ClaimedTask } from "../spool/store.ts";
import type { LoadFailure, WorkerEnd, WorkerOptions } from "./worker_listener.ts";
import { outputAs } from "./output_events.ts";
import { WorkerOutput } from "./worker_output.ts";
import { addAnswers } from "./worker_totals.ts";

/** Between the wish that a task end, and SIGKILL. */
const ABORT_GRACE_MS = 1000;
/** An idle worker that was asked to end and does not. */
const STOP_GRACE_MS = 5000;

export class TaskWorker {
  readonly #options: WorkerOptions;
  readonly #alone = new RunAlone();
  readonly #output: WorkerOutput;
  readonly #link: WorkerLink;
  #state: "loading" | "ready" | "stopping" | "ended" = "loading";
  #isGone = false;
  #language = "";
  /** Why it is being ended by us. */
  #doom: string | null = null;
  /** It ends with the program. */
  #isInterrupted = false;
  #failure: LoadFailure | null = null;
  #files: readonly string[] = [];
  /** When its present task began, as far as is known; monotonic. */
  #busySince = 0;
  readonly #limit: TimeLimit;
  readonly #killTimer: KillTimer;
  /** Tasks it has answered. */
  answered = 0;
  /** When it last had something to do; monotonic. */
  idleSince = 0;
  /** Resolves when nothing of it is left. */
  readonly ended: Promise<void>;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { command, sockets, clock, listener, harakiriMs, totals } = options;
    this.#output = new WorkerOutput(clock, listener);
    this.#killTimer = new KillTimer(clock, (reason) => this.kill(reason));
    this.#limit = new TimeLimit(harakiriMs, clock, () => this.busyMs, (reason) => {
      totals.harakiris++;
      this.abort(reason);
    });
    this.#link = new WorkerLink({
      command,
      sockets,
      clock,
      started: () => this.#limitLoading(),
      connected: (processEnded) => this.#setUp(processEnded),
      received: (received) => this.#take(received),
      ...outputAs(() => this.present ?? null, listener),
    });
    this.ended = this.#live();
  }

  get number(): number {
    return this.#options.setup.worker;
  }

  get label(): string {
    return `worker ${this.number} (pid ${this.pid})`;
  }

  get pid(): number | null {
    return this.#link.pid;
  }

  get totals(): WorkerTotals {
    return this.#options.totals;
  }

  get isLoading(): boolean {
    return this.#state === "loading";
  }

  get isReady(): boolean {
    return this.#state === "ready" && !this.#isGone;
  }

  /** Tasks of batches that it has and that are not answered. */
  get unanswered(): ReadonlySet<string> {
    return this.#options.tasks.unanswered(this);
  }

  /** The task that it runs, as far as its answers say. */
  get present(): string | undefined {
    return this.#alone.chosen ?? this.unanswered.values().next().value;
  }

  /** The same by its own word, in a file: answers may wait for each other. */
  get running(): string | undefined {
    const { began } = this.#link;
    return began !== null && this.unanswered.has(began) ? began : this.present;
  }

  get isBusy(): boolean {
    return this.isTaken || this.unanswered.size > 0;
  }

  get isTaken(): boolean {
    return this.#alone.isBusy;
  }

  /** How long its present task has taken; 0 when it has none. */
  get busyMs(): number {
    return this.isBusy ? this.#options.clock.monotonic() - this.#busySince : 0;
  }

  /** Tasks that nobody has read yet; the table has them as handed to this worker. */
  hand(ids: readonly string[]): void {
    const wasIdle = !this.#alone.hasSignals && this.unanswered.size <= ids.length;
    if (wasIdle) this.#begin();
    this.#link.send({ type: "run", tasks: ids });
  }

  /**
   * One task that was chosen for this worker, which has nothing else to do. Its lock is held until
   * {@link release}.
   *
   * @returns null when the worker ended before it began the task
   */
  choose(id: string, attempt: number): Promise<WorkerAnswer | null> {
    this.#begin();
    const answer = this.#alone.choose(id);
    this.#link.send({ type: "run", tasks: [id], chosen: true, attempt });
    return answer;
  }

  /** A copy of a task that the program holds, for a worker of another user. */
  lay(task: ClaimedTask): Disposable | null {
    return this.#link.copies?.lay(task) ?? null;
  }

  release(id: string): void {
    this.#link.send({ type: "release", task: id });
  }

  /** Resolves when the handler has run; rejects when it failed, or the worker died of it. */
  raise(signal: number, limitMs: number | null): Promise<void> {
    this.#begin(limitMs);
    const { id, done } = this.#alone.raise();
    this.#link.send({ type: "signal", id, signal });
    return done;
  }

  /** Asks it to end when its present task is over. */
  stop(): void {
    if (this.#state === "stopping" || this.#state === "ended") return;
    const wasLoading = this.#state === "loading";
    this.#state = "stopping";
    if (wasLoading) return this.kill("stopped");
    this.#link.send({ type: "stop" });
    if (!this.isBusy) this.#killTimer.set(STOP_GRACE_MS, "the worker did not stop when asked");
  }

  /** Asks the present task to end, or sends it a signal, and ends the worker when it does not. */
  abort(reason: string, signal: ProcessSignal | null = null): void {
    const task = this.running;
    if (signal !== null) this.#link.kill(signal);
    else if (task !== undefined) this.#link.send({ type: "abort", task, reason });
    this.#killTimer.set(signal === null ? ABORT_GRACE_MS : GRACE_MS, reason);
  }

  /** Breaks off what it runs, because the program ends. */
  interrupt(reason: string): void {
    this.#isInterrupted = true;
    if (this.isBusy) this.abort(reason);
    else this.kill(reason);
  }

  kill(reason: string): void {
    this.#doom ??= reason;
    this.#link.kill();
  }

  #limitLoading(): void {
    const { loadLimitMs } = this.#options;
    this.#killTimer.set(loadLimitMs, `it took more than ${loadLimitMs / 1000} s`);
  }

  /** @param limitMs in place of what tasks may take */
  #begin(limitMs: number | null = null): void {
    this.#busySince = this.#options.clock.monotonic();
    this.#limit.watch(limitMs);
  }

  async #live(): Promise<void> {
    this.idleSince = this.#options.clock.monotonic();
    const exit = await this.#link.run();
    this.#limit.stop();
    this.#killTimer.cancel();
    // It gets no more work while it is decided what it died of.
    this.#isGone = true;
    if (this.#doom === null) this.#isInterrupted ||= await isEndedByStop(exit, this.#options);
    this.#end(exit);
  }

  async #setUp(processEnded: Promise<unknown>): Promise<void> {
    await Promise.race([this.#options.mayLoad, processEnded]);
    if (this.#state === "loading") this.#limitLoading();
    this.#link.send({ type: "setup", ...this.#options.setup, ...this.#link.where });
  }

  async #take({ message, tail }: Received): Promise<void> {
    const { listener, clock } = this.#options;
    switch (message.type) {
      case "hello":
        this.#language = message.language;
        return;
      case "loaded":
        this.#killTimer.cancel();
        this.#files = message.files;
        if (this.#state !== "loading") return;
        this.#state = "ready";
        this.idleSince = clock.monotonic();
        return listener.loaded(this, { ...message, language: this.#language });
      case "load-failed":
        this.#failure = message;
        return;
      case "registered":
        return listener.registered(this, message.registered);
      case "answers":
        this.#output.reportDropped();
        return this.#took(message.answers);
      case "output":
        return await this.#output.take(message);
      case "call": {
        const { id, method, args } = message;
        return this.#link.reply(id, listener.call({ method, args, tail, worker: this }));
      }
      case "signal-done": {
        const settle = this.#alone.signalDone(message.id, message.error);
        this.#took([]);
        return settle();
      }
      default:
        return message satisfies never;
    }
  }

  #took(groups: readonly AnswerGroup[]): void {
    const { clock, listener, tasks } = this.#options;
    this.#busySince = this.idleSince = clock.monotonic();
    // What was about to be ended has ended by itself.
    if (this.#doom === null) this.#killTimer.cancel();
    const remove = (id: string) => tasks.answered(this, id);
    addAnswers(this.#options.totals, groups);
    const { answers, fault } = answersTo(this.unanswered, groups, remove);
    this.answered += answers.length;
    if (this.#alone.answerChosen(groups)) this.answered++;
    listener.answered(this, answers);
    if (fault !== null) throw new ProtocolError(fault);
    if (this.#state === "stopping" && !this.isBusy) {
      this.#killTimer.set(STOP_GRACE_MS, "the worker did not stop when asked");
    }
  }

  #end(exit: Exit): void {
    const { listener, setup } = this.#options;
    const [isInterrupted, state] = [this.#isInterrupted, this.#state];
    const doom = this.#doom ?? this.#link.fault;
    this.#state = "ended";
    this.#output.reportDropped();
    const end = endOf(exit, { wasStopping: state === "stopping", isInterrupted, doom });
    if (state === "loading" && !isInterrupted) {
      const modules = setup.modules.map(({ name }) => name);
      const message = `${modules.join(", ")} cannot be loaded: ${end.reason}`;
      listener.loadFailed(this, this.#failure ?? { message, trace: [], files: this.#files });
    }
    const { isBusy: wasBusy, busyMs } = this;
    this.#alone.failSignals(isInterrupted ? new InterruptedError() : new Error(end.reason));
    listener.ended(this, { ...end, began: this.#link.began, wasBusy, busyMs });
  }

  /** The task that was chosen for it ends with it: it failed, when it is to blame. */
  endChosen(isToBlame: (id: string) => boolean, end: WorkerEnd): void {
    this.#alone.endChosen(isToBlame, end);
  }
}
