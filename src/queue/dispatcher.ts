/**
 * Works through one spool: discovery fills the table of tasks; while a slot is free the next due task is
 * handed to a worker, or claimed and run.
 *
 * One timer waits for whichever comes first: the next due time, the next start that spooler-rate
 * allows, or the next full scan. This file is longer than 300 lines because it is where all parts of a
 * spool's queue meet.
 */

import type { KillOrder } from "../exec/kill_order.ts";
import { apart } from "../platform/apart.ts";
import { type Cancel } from "../platform/clock.ts";
import { type DebugOf, NO_DEBUG } from "../report/debug.ts";
import { Once } from "../report/once.ts";
import type { ReachedLimit, RunningTaskSnapshot, SpoolSnapshot } from "../report/snapshot.ts";
import { refOf } from "../spool/layout.ts";
import type { SeenTask } from "../spool/task.ts";
import { changeText } from "./change_text.ts";
import type { ConcurrencyLimit } from "./concurrency_limit.ts";
import { CAPACITY, Discovery } from "./discovery.ts";
import { Ends } from "./ends.ts";
import { Frequency } from "./frequency.ts";
import { KeySweep } from "./key_sweep.ts";
import type { KillResult } from "./kill_result.ts";
import type { SpoolConfig } from "./settings.ts";
import { Settlement, type SettlementOptions } from "./settlement.ts";
import { Starts } from "./starts.ts";
import type { TaskLimit } from "./task_limits.ts";
import { tableCounts } from "./table_counts.ts";
import { Tasks } from "./tasks.ts";
import { WaitingTasks } from "./waiting.ts";

/** What hands ready tasks to workers, before anybody has read them. */
export interface Handout {
  /** Tasks can be handed over, now or soon. */
  readonly isOpen: boolean;
  /** Hands over what can be. */
  fill(): void;
  /** Ends the run of a task that was handed over. */
  kill(id: string, order: KillOrder): Promise<KillResult>;
  stop(): Promise<void>;
}

/** What a part that hands out tasks works with. */
export interface HandoutParts {
  readonly tasks: Tasks;
  readonly starts: Starts;
  readonly ends: Ends;
  /** Starts what can be started. */
  wake(): void;
}

export interface DispatcherOptions extends Omit<SettlementOptions, "frequency" | "once"> {
  /** Absent is a table of its own. */
  readonly tasks?: Tasks;
  /** Absent is what the configuration says. */
  readonly frequency?: Frequency;
  /** Absent is a spool whose tasks can always be started. */
  readonly concurrency?: ConcurrencyLimit;
  /** Which tasks may not all run at the same time. */
  readonly taskLimits?: readonly TaskLimit[];
  /** Makes what hands out tasks; absent where no workers are. */
  readonly handout?: ((parts: HandoutParts) => Handout) | null;
  readonly debugOf?: DebugOf;
  /** See {@link Discovery}. */
  readonly isAwaited?: (name: string) => boolean;
}

/** A table for the tasks of a spool. A strict order needs all of them in view. */
export function tasksFor(
  config: Pick<SpoolConfig, "ordered">,
  debugOf: DebugOf = NO_DEBUG,
  taskLimits: readonly TaskLimit[] = [],
): Tasks {
  const debug = debugOf("tasks");
  return new Tasks(
    config.ordered ? Infinity : CAPACITY,
    debug && ((...change) => debug(changeText(...change))),
    taskLimits.length > 0,
  );
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #tasks: Tasks;
  readonly #discovery: Discovery;
  readonly #starts: Starts;
  readonly #ends: Ends;
  readonly #handout: Handout | null;
  readonly #keySweep: KeySweep;
  readonly #waiting: WaitingTasks;
  #cancelTimer: Cancel = () => {};
  /** Tasks are still to be read, to find out whose they are. */
  #hasUnsorted = false;
  /** When the timer that is set goes off, on the wall clock. */
  #wakeAt = Infinity;
  #stopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { config, concurrency, handout } = options;
    this.#tasks = options.tasks ?? tasksFor(config, options.debugOf, options.taskLimits);
    const frequency = options.frequency ?? new Frequency(config.frequencyMs);
    const shared = { ...options, frequency, tasks: this.#tasks, once: new Once() };
    const wake = () => this.#pump();
    this.#keySweep = new KeySweep(options.store, options.clock);
    const settlement = new Settlement(shared);
    this.#ends = new Ends({ ...shared, settlement, wake });
    this.#starts = new Starts({ ...shared, settlement, ends: this.#ends });
    this.#waiting = new WaitingTasks({ ...shared, ends: this.#ends, wake });
    this.#discovery = new Discovery({
      ...shared,
      ordered: config.ordered,
      changed: wake,
      found: (task) => this.#waiting.see(task),
      notePause: () => this.#notePause(),
      scanned: () => {
        this.#ends.retryStuck();
        this.#waiting.recheck();
        this.#ends.track(this.#keySweep.run());
      },
    });
    concurrency?.onChange(wake);
    const parts = { tasks: this.#tasks, starts: this.#starts, ends: this.#ends, wake };
    this.#handout = handout?.(parts) ?? null;
    if (this.#handout) this.#noteRecorded();
  }

  /** What has failed before is not for workers to be handed unread. */
  #noteRecorded(): void {
    for (const id of this.#options.store.remembered()) {
      this.#tasks.apply(id, { type: "recorded", task: refOf(id) });
    }
  }

  /** The spool's. */
  get name(): string {
    return this.#options.name;
  }

  /** The spool's directory. */
  get dir(): string {
    return this.#options.config.dir;
  }

  /** Tasks have come in: no scan is needed to find them. */
  announce(tasks: readonly SeenTask[]): void {
    if (!this.#stopped) this.#discovery.announce(tasks);
  }

  /** Tasks that run. */
  get running(): number {
    return this.#starts.running;
  }

  /** For a status. */
  get status() {
    return { spool: this.name, running: this.running };
  }

  /** What goes on in its spool now. */
  async snapshot(): Promise<Omit<SpoolSnapshot, "lastMinuteOut">> {
    const { config: { dir, processes }, clock, store, name } = this.#options;
    const tasks = this.#tasks;
    const counts = tableCounts(tasks, this.running);
    const oldest = tasks.oldestReadyAt();
    const [paused, hasMore] = [this.#starts.paused, this.#discovery.isIncomplete];
    return {
      ...{ name, dir, external: false, hasMore, processes, paused },
      counts: { ...counts, failed: await store.failedCount() },
      waiting: tasks.waitingForLimits(),
      oldestReadyMs: oldest === undefined ? null : Math.max(0, clock.now() - oldest),
      lastMinuteIn: this.#discovery.lastMinuteIn,
      freeBytes: store.freeBytes(),
    };
  }

  /** See {@link Tasks.limitOf}. */
  limitOf(id: string): ReachedLimit | null {
    return this.#tasks.limitOf(id);
  }

  /** What the program itself runs; workers have their tasks besides. */
  get programRuns(): RunningTaskSnapshot[] {
    const spool = this.name;
    return [...this.#starts.runs].map(([id, { func, attempt, startedAt, pid }]) => {
      return { spool, id, function: func, attempt, startedAt, pid };
    });
  }

  /** Ends the run of a task; resolves when it is over and its fate on disk. */
  async kill(id: string, order: KillOrder): Promise<KillResult> {
    const state = this.#tasks.get(id)?.kind ?? null;
    if (state === "running" || state === "postponed") return await this.#starts.kill(id, order);
    if (state === "handed" && this.#handout !== null) return await this.#handout.kill(id, order);
    return { kind: "not running", state };
  }

  /** Grows whenever a task is started or handed to a worker. */
  get starts(): number {
    return this.#tasks.starts;
  }

  /** Nothing runs, and nothing can start before its time, a resume, or the return of a target. */
  get isIdle(): boolean {
    const { clock, concurrency } = this.#options;
    const tasks = this.#tasks;
    if (this.#discovery.isScanning || this.#discovery.isRunningDry) return false;
    if (this.running + tasks.count("handed") + tasks.count("limited") > 0) return false;
    if (this.#starts.paused || concurrency?.limit === 0) return true;
    return tasks.count("ready") === 0 && (tasks.nextDueAt() ?? Infinity) > clock.now();
  }

  /** Tasks that could not run: no handler takes them, a pause, a target that is down, a bad file. */
  get leftOver(): number {
    const tasks = this.#tasks;
    return (["ready", "postponed", "unusable", "stuck"] as const)
      .reduce((sum, kind) => sum + tasks.count(kind), 0);
  }

  /** Scans the whole directory now. */
  async scan(): Promise<void> {
    await this.#discovery.scan();
  }

  /**
   * Begins to watch the directory. To be called before {@link start}.
   */
  watch(): void {
    this.#discovery.watch();
  }

  /** Begins to run tasks; resolves when the directory has been scanned once. */
  async start(): Promise<void> {
    await this.#discovery.scan();
  }

  /** Takes no more tasks; resolves when those that run have ended and are settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#starts.stop();
    this.#keySweep.stop();
    await Promise.all([this.#discovery.stop(), this.#handout?.stop()]);
    await this.#ends.drained();
  }

  /**
   * The wall clock was set. What is due is found out anew: a scan that was to come at a time on the old
   * clock could be a day away.
   */
  clockWasSet(): void {
    if (!this.#stopped) void this.#discovery.scan();
  }

  #notePause(): void {
    const { store, emit, name } = this.#options;
    const { paused } = store;
    if (paused === this.#starts.paused) return;
    this.#starts.paused = paused;
    emit({ type: paused ? "spool.paused" : "spool.resumed", spool: name });
  }

  /** Starts what can be started, then sets the timer. */
  #pump(): void {
    const starts = this.#starts;
    if (this.#stopped || (this.#discovery.isScanning && this.#options.config.ordered)) return;
    starts.heldBackUntil = Infinity;
    apart(() => this.#startTasks());
    if (this.#discovery.isRunningDry) this.#discovery.scan();
    this.#setTimer();
  }

  #startTasks(): void {
    const starts = this.#starts;
    this.#tasks.wake(this.#options.clock.now());
    this.#hasUnsorted = starts.sort();
    if (this.#handout?.isOpen) this.#handout.fill();
    while (starts.hasSlot && !this.#isForWorkers) {
      const task = starts.next();
      if (!task) break;
      starts.start(task);
    }
  }

  /** One that workers take waits for a worker. */
  get #isForWorkers(): boolean {
    return this.#handout !== null &&
      (this.#handout.isOpen || this.#options.executors.length === 1);
  }

  #setTimer(): void {
    const { clock } = this.#options;
    const dueAt = this.#tasks.nextDueAt() ?? Infinity;
    const startAt = Math.min(dueAt, this.#starts.heldBackUntil);
    // Without a slot a due task waits for the end of a run, not for a time.
    const next = Math.min(this.#discovery.scanAt, this.#starts.hasSlot ? startAt : Infinity);
    const wakeAt = this.#hasUnsorted ? clock.now() : next;
    if (wakeAt === this.#wakeAt) return;
    this.#cancelTimer();
    this.#wakeAt = wakeAt;
    this.#cancelTimer = clock.after(wakeAt - clock.now(), () => {
      this.#wakeAt = Infinity;
      if (clock.now() >= this.#discovery.scanAt) this.#discovery.scanIfNeeded();
      else this.#pump();
    });
  }
}
