/**
 * Works through one spool: what the watcher and the scans see goes into the queue; while a slot is
 * free the next due task is claimed and run.
 *
 * One timer waits for whichever comes first: the next due time, the next start that spooler-rate
 * allows, or the next full scan.
 */

import type { Executor } from "../exec/executor.ts";
import { Lane } from "../worker/lane.ts";
import type { Pool } from "../worker/pool.ts";
import { type Cancel, turnOfOthers } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import { taskId, type TaskRef } from "../spool/layout.ts";
import type { Claimed, ClaimedTask, SeenTask } from "../spool/store.ts";
import { type Change, type SpoolWatcher, watchSpool } from "../spool/watcher.ts";
import type { Gate } from "./gate.ts";
import { Queue } from "./queue.ts";
import { RateLimiter } from "./rate.ts";
import { Runner, type RunnerOptions } from "./runner.ts";

export interface DispatcherOptions extends RunnerOptions {
  readonly libc: Libc | null;
  /** Absent is a spool whose tasks can always be started. */
  readonly gate?: Gate;
  /** Workers that are handed tasks as names, and what they are among the executors. */
  readonly workers?: { readonly pool: Pool; readonly executor: Executor } | null;
}

/**
 * After this time a scan lets others have the thread: workers with quick tasks are not to run dry because
 * nobody hears that they have done them.
 */
const SCAN_SLICE_MS = 2;
/**
 * Tasks that the queue holds of a directory that has more. The rest is looked for again when half of
 * them are gone, so that a million files cost no memory.
 */
const WINDOW = 100_000;
/** A live arrival finds room even when a scan has filled the window. */
const QUEUE_CAPACITY = 2 * WINDOW;
/** The runs of a handler with a limit of its own. */
interface LimitedRuns {
  running: number;
  /** Tasks that wait for one of its runs to end, by id, in the order in which they run. */
  readonly waiting: Map<string, SeenTask>;
}

/** After a directory could not be watched, or a task not be claimed. */
const RETRY_MS = 1000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #runner: Runner;
  readonly #lane: Lane | null;
  readonly #queue: Queue;
  readonly #rate: RateLimiter | null;
  /** Ids of the tasks that run. */
  readonly #running = new Map<string, Promise<void>>();
  /** Ids that changed while they ran: looked at again when their run is over. */
  readonly #touched = new Map<string, TaskRef>();
  /**
   * Ids of tasks that somebody else has. To try a lock is an event of its own, at which to try again
   * would be to do so without end: an event of one of these is answered by asking first.
   */
  readonly #busy = new Set<string>();
  /** How many runs each handler with a limit has, and who waits for one. */
  readonly #limited = new Map<Executor, LimitedRuns>();
  /** Told of once, not at every scan. */
  readonly #complained = new Set<string>();
  #watcher: SpoolWatcher | null = null;
  #cancelTimer: Cancel = () => {};
  /** When the timer that is set goes off, on the wall clock. */
  #wakeAt = Infinity;
  /** Until then spooler-rate has held back a start, on the wall clock; Infinity when it has not. */
  #heldBackUntil = Infinity;
  #nextScanAt = 0;
  #scanning = false;
  #scanAgain = false;
  /** The directory has more than the queue had room for. */
  #incomplete = false;
  #paused = false;
  #stopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#runner = new Runner(options);
    // A strict order needs all of them in view.
    this.#queue = new Queue(options.config.ordered ? Infinity : QUEUE_CAPACITY);
    this.#rate = options.config.rate && new RateLimiter(options.config.rate);
    options.gate?.onChange(() => this.#pump());
    this.#lane = options.workers ? this.#openLane(options.workers) : null;
  }

  /** The spool's. */
  get name(): string {
    return this.#options.name;
  }

  get running(): number {
    return this.#running.size + (this.#lane?.busy ?? 0);
  }

  #openLane(workers: NonNullable<DispatcherOptions["workers"]>): Lane {
    const { config: { maxAgeMs, ordered, processes } } = this.#options;
    const waiting = () => this.#queue.readySize;
    const slots = () => processes - this.#running.size;
    return new Lane({ ...this.#options, ...workers, runner: this.#runner, maxAgeMs, ordered }, {
      take: () => this.#takeForLane(),
      get waiting() {
        return waiting();
      },
      get slots() {
        return slots();
      },
      claim: (task, asked) => this.#claim(task, asked),
      enqueue: (task) => this.#enqueue(task),
      busy: (id) => this.#busy.add(id),
      pump: () => this.#pump(),
      track: (id, work) => this.#track(id, work),
    });
  }

  /**
   * Begins to watch the directory. To be called before {@link start}: watched before it is scanned,
   * so that nothing falls between the two.
   *
   * @throws {Error} when it cannot be watched
   */
  watch(): void {
    const { store, libc } = this.#options;
    this.#watcher = watchSpool(store.dir, libc, (change) => this.#changed(change));
  }

  /** Begins to run tasks; resolves when the directory has been looked at once. */
  async start(): Promise<void> {
    await this.#scan();
  }

  /** Takes no more tasks; resolves when those that run have ended and are settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await Promise.all([this.#watcher?.close(), this.#lane?.stop(), ...this.#running.values()]);
  }

  #changed(change: Change): void {
    if (this.#stopped) return;
    switch (change.kind) {
      case "task":
        this.#look(change.ref);
        this.#pump();
        return;
      case "pause":
        this.#notePause();
        this.#pump();
        return;
      case "unknown":
        this.#scan();
        return;
      case "lost":
        this.#recover(change.reason);
        return;
      default:
        return change satisfies never;
    }
  }

  #notePause(): void {
    const { store, emit, name } = this.#options;
    if (store.paused === this.#paused) return;
    this.#paused = store.paused;
    emit({ type: this.#paused ? "spool.paused" : "spool.resumed", spool: name });
  }

  /** The directory was deleted or moved away: there is a new one from now on. */
  async #recover(reason: string): Promise<void> {
    const { store, emit, name, clock } = this.#options;
    try {
      await this.#watcher?.close();
      await store.prepare();
      if (this.#stopped) return;
      this.watch();
      emit({ type: "spool.warning", spool: name, message: `${reason}; made ${store.dir} anew` });
      await this.#scan();
    } catch (error) {
      this.#complain(`${reason}, and cannot be made anew: ${error}`);
      if (!this.#stopped) clock.after(RETRY_MS, () => this.#stopped || this.#recover(reason));
    }
  }

  /** Reads one task's due time into the queue. */
  #look(ref: TaskRef): void {
    const id = taskId(ref);
    if (this.#running.has(id)) {
      this.#touched.set(id, ref);
      return;
    }
    if (this.#lane?.touch(id)) return;
    if (this.#busy.has(id)) {
      if (this.#options.store.isLocked(ref)) return;
      this.#busy.delete(id);
    }
    // Its release is an event, and must not lead to the next claim, and that to the next release.
    const seen = this.#isWaiting(id) ? null : this.#options.store.see(ref);
    if (seen) this.#enqueue(seen);
  }

  #enqueue(task: SeenTask): void {
    if (!this.#queue.put(task, this.#options.clock.now())) this.#incomplete = true;
  }

  /** Looks at the whole directory; tasks start while it goes on, unless the order is strict. */
  async #scan(): Promise<void> {
    if (this.#scanning) {
      this.#scanAgain = true;
      return;
    }
    this.#scanning = true;
    try {
      do {
        this.#scanAgain = false;
        this.#incomplete = false;
        this.#notePause();
        this.#busy.clear();
        await this.#scanOnce();
      } while (this.#scanAgain && !this.#stopped);
    } catch (error) {
      this.#complain(`cannot be looked through: ${error}`);
    } finally {
      this.#scanning = false;
      this.#nextScanAt = this.#options.clock.now() + this.#options.config.frequencyMs;
    }
    this.#pump();
  }

  async #scanOnce(): Promise<void> {
    const { store, clock, config } = this.#options;
    this.#queue.forgetHorizon();
    let sliceEnd = clock.monotonic() + SCAN_SLICE_MS;
    const scan = store.scan({
      isKnown: (id) => this.#isKnown(id),
      onPriority: (priority) => this.#watcher?.watchPriority(priority),
      onStranded: (dir) =>
        this.#complain(`${dir}/ holds tasks that nobody runs: a priority is a directory of digits`),
    });
    for (const tasks of scan) {
      for (const task of tasks) this.#enqueue(task);
      if (!config.ordered && this.#queue.readySize >= WINDOW) {
        this.#incomplete = true;
        return;
      }
      if (clock.monotonic() < sliceEnd) continue;
      if (!config.ordered) this.#pump();
      await turnOfOthers();
      if (this.#stopped) return;
      sliceEnd = clock.monotonic() + SCAN_SLICE_MS;
    }
  }

  /** Starts what can be started, then sets the timer. */
  #pump(): void {
    const { config, clock } = this.#options;
    if (this.#stopped || (this.#scanning && config.ordered)) return;
    this.#heldBackUntil = Infinity;
    if (this.#lane?.isOpen) this.#lane.fill();
    while (this.#mayClaim()) {
      const task = this.#queue.take(clock.now());
      if (!task) break;
      this.#claim(task);
    }
    if (this.#incomplete && !this.#scanning && this.#queue.readySize < WINDOW / 2) this.#scan();
    this.#setTimer();
  }

  #hasSlot(): boolean {
    const { config, gate } = this.#options;
    const limit = Math.min(config.processes, gate?.limit ?? Infinity);
    return !this.#paused && this.running < limit;
  }

  /** Whether the program may claim a task itself. One that workers take waits for a worker. */
  #mayClaim(): boolean {
    const isForWorkers = this.#lane !== null &&
      (this.#lane.isOpen || this.#options.executors.length === 1);
    return this.#hasSlot() && !isForWorkers && !this.#isHeldBack();
  }

  #takeForLane(): SeenTask | undefined {
    if (this.#stopped || this.#paused || this.#isHeldBack()) return undefined;
    const { clock } = this.#options;
    const task = this.#queue.take(clock.now());
    if (task) this.#rate?.started(clock.monotonic());
    return task;
  }

  /**
   * Whether spooler-rate forbids a start now. The timer is set by this answer and not by a later one:
   * a start that was held back and would be allowed a moment later is to be tried again.
   */
  #isHeldBack(): boolean {
    const { clock } = this.#options;
    const waitMs = this.#rate?.waitMs(clock.monotonic()) ?? 0;
    if (waitMs > 0) this.#heldBackUntil = clock.now() + waitMs;
    return waitMs > 0;
  }

  /** When the whole directory is to be looked at; the end of a look that goes on says it anew. */
  #scanAt(): number {
    return this.#scanning ? Infinity : Math.min(this.#nextScanAt, this.#queue.horizon);
  }

  #setTimer(): void {
    const { clock } = this.#options;
    const dueAt = this.#queue.nextDueAt() ?? Infinity;
    const startAt = Math.min(dueAt, this.#heldBackUntil);
    const scanAt = this.#scanAt();
    // Without a slot a due task waits for the end of a run, not for a time.
    const wakeAt = Math.min(scanAt, this.#hasSlot() ? startAt : Infinity);
    if (wakeAt === this.#wakeAt) return;
    this.#cancelTimer();
    this.#wakeAt = wakeAt;
    this.#cancelTimer = clock.after(wakeAt - clock.now(), () => {
      this.#wakeAt = Infinity;
      if (clock.now() >= this.#scanAt()) this.#scan();
      else this.#pump();
    });
  }

  /** @param asked a handler that has already said that the task is not its */
  #claim(ref: SeenTask, asked?: Executor): void {
    const id = taskId(ref);
    const claimed = this.#tryClaim(ref);
    switch (claimed.kind) {
      case "claimed":
        this.#begin(ref, claimed, asked);
        return;
      case "deferred":
        this.#enqueue({ ...ref, dueAt: claimed.dueAt });
        return;
      case "busy":
        this.#busy.add(id);
        return;
      case "gone":
        this.#lane?.gone(id);
        return;
      case "incomplete":
      case "unusable":
        this.#complain(`${id}: left alone: ${claimed.reason}`);
        return;
      case "damaged":
        this.#lane?.gone(id);
        this.#complain(`${id}: moved to failed/: ${claimed.reason}`);
        this.#track(id, this.#runner.gaveUp(ref.name, "", claimed.reason));
        return;
      default:
        return claimed satisfies never;
    }
  }

  /** What the system refuses for a while (no descriptors left, say) is tried at the next scan. */
  #tryClaim(ref: TaskRef): Claimed {
    try {
      return this.#options.store.claim(ref);
    } catch (error) {
      return { kind: "unusable", reason: String(error) };
    }
  }

  #begin(ref: SeenTask, task: ClaimedTask, asked?: Executor): void {
    const { clock, emit, name } = this.#options;
    const id = taskId(ref);
    const executor = this.#runner.firstHandler(task);
    const limited = executor && executor.processes !== null ? this.#limitedRunsOf(executor) : null;
    if (limited && limited.running >= (executor?.processes ?? Infinity)) {
      limited.waiting.set(id, ref);
      task.release();
      return;
    }
    if (limited) limited.running++;
    this.#rate?.started(clock.monotonic());
    const run = this.#runner.run(task, asked).then((fate) => {
      if (fate.kind === "deferred" || fate.kind === "ready") this.#touched.set(id, ref);
      else this.#lane?.gone(id);
    }, (error) => {
      task.release();
      emit({ type: "spool.warning", spool: name, message: `${id}: ${error}` });
    }).finally(() => {
      if (!limited) return;
      limited.running--;
      const [next] = limited.waiting;
      if (!next) return;
      limited.waiting.delete(next[0]);
      this.#enqueue(next[1]);
    });
    this.#track(id, run);
  }

  /** Counts as running until `work` is over; then whatever happened to the task meanwhile is seen. */
  #track(id: string, work: Promise<void>): void {
    this.#running.set(
      id,
      work.finally(() => {
        this.#running.delete(id);
        const touched = this.#touched.get(id);
        this.#touched.delete(id);
        if (touched && !this.#stopped) this.#look(touched);
        this.#pump();
      }),
    );
  }

  #limitedRunsOf(executor: Executor): LimitedRuns {
    let runs = this.#limited.get(executor);
    if (!runs) this.#limited.set(executor, runs = { running: 0, waiting: new Map() });
    return runs;
  }

  /** Nothing is to be found out about it by a look at its file. */
  #isKnown(id: string): boolean {
    return this.#running.has(id) || this.#lane?.has(id) === true || this.#isWaiting(id) ||
      this.#queue.isDue(id, this.#options.clock.now());
  }

  #isWaiting(id: string): boolean {
    for (const { waiting } of this.#limited.values()) if (waiting.has(id)) return true;
    return false;
  }

  #complain(message: string): void {
    if (this.#complained.has(message)) return;
    this.#complained.add(message);
    this.#options.emit({ type: "spool.warning", spool: this.#options.name, message });
  }
}
