/**
 * Works through one spool: what the watcher and the scans see goes into the queue; while a slot is
 * free the next due task is claimed, run by its handlers, and settled.
 *
 * One timer waits for whichever comes first, the next due time or the next full scan.
 */

import type { SpoolConfig } from "../config/config.ts";
import { type Answer, type Executor, handlersFor } from "../exec/executor.ts";
import type { Cancel, Clock, Random } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import type { Emit } from "../report/event.ts";
import { taskId, type TaskRef } from "../spool/layout.ts";
import type { Attempts, Claimed, ClaimedTask, Store } from "../spool/store.ts";
import { type Change, type Watcher, watchSpool } from "../spool/watcher.ts";
import { findText } from "../uwsgi/packet.ts";
import { Queue } from "./queue.ts";
import { type Fate, type Outcome, settle } from "./settle.ts";

export interface DispatcherOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly config: SpoolConfig;
  readonly store: Store;
  readonly executors: readonly Executor[];
  readonly libc: Libc | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Aborted when running tasks must be broken off. */
  readonly abort: AbortSignal;
}

/** Tasks that a scan looks at before it lets others have the thread. */
const SCAN_SLICE = 500;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queue = new Queue();
  /** Ids of the tasks that run. */
  readonly #running = new Map<string, Promise<void>>();
  /** Ids that changed while they ran: looked at again when their run is over. */
  readonly #touched = new Map<string, TaskRef>();
  /** Told of once, not at every scan. */
  readonly #complained = new Set<string>();
  #watcher: Watcher | null = null;
  #cancelTimer: Cancel = () => {};
  #nextScanAt = 0;
  #scanning = false;
  #scanAgain = false;
  #stopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running.size;
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
    await Promise.all([this.#watcher?.close(), ...this.#running.values()]);
  }

  #changed(change: Change): void {
    if (this.#stopped) return;
    switch (change.kind) {
      case "task":
        this.#look(change.ref);
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

  /** The directory was deleted or moved away: there is a new one from now on. */
  async #recover(reason: string): Promise<void> {
    const { store, emit, name } = this.#options;
    try {
      await this.#watcher?.close();
      await store.prepare();
      if (this.#stopped) return;
      this.watch();
      emit({ type: "spool.warning", spool: name, message: `${reason}; made ${store.dir} anew` });
      await this.#scan();
    } catch (error) {
      emit({ type: "spool.warning", spool: name, message: `cannot be watched: ${error}` });
    }
  }

  /** Reads one task's due time into the queue. */
  #look(ref: TaskRef): void {
    const id = taskId(ref);
    if (this.#running.has(id)) {
      this.#touched.set(id, ref);
      return;
    }
    const seen = this.#options.store.see(ref);
    if (seen) this.#queue.put(seen, this.#options.clock.now());
  }

  /** Looks at the whole directory; tasks start while it goes on, unless the order is strict. */
  async #scan(): Promise<void> {
    if (this.#scanning) {
      this.#scanAgain = true;
      return;
    }
    const { store, clock, config } = this.#options;
    this.#scanning = true;
    try {
      do {
        this.#scanAgain = false;
        let slice = 0;
        for (const tasks of store.scan()) {
          const now = clock.now();
          for (const task of tasks) {
            if (!this.#running.has(taskId(task))) this.#queue.put(task, now);
          }
          slice += tasks.length;
          if (slice < SCAN_SLICE) continue;
          slice = 0;
          if (!config.ordered) this.#pump();
          await new Promise<void>((resume) => clock.after(0, resume));
          if (this.#stopped) return;
        }
      } while (this.#scanAgain);
    } finally {
      this.#scanning = false;
      this.#nextScanAt = clock.now() + config.frequencyMs;
    }
    this.#pump();
  }

  /** Starts what can be started, then sets the timer. */
  #pump(): void {
    const { config, clock } = this.#options;
    if (this.#stopped || (this.#scanning && config.ordered)) return;
    while (this.#running.size < config.processes) {
      const task = this.#queue.take(clock.now());
      if (!task) break;
      this.#claim(task);
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const { clock } = this.#options;
    this.#cancelTimer();
    const dueAt = this.#queue.nextDueAt() ?? Infinity;
    const wakeAt = Math.min(this.#nextScanAt, dueAt);
    this.#cancelTimer = clock.after(wakeAt - clock.now(), () => {
      if (clock.now() >= this.#nextScanAt) this.#scan();
      else this.#pump();
    });
  }

  #claim(ref: TaskRef): void {
    const { emit, name } = this.#options;
    const id = taskId(ref);
    const claimed = this.#tryClaim(ref);
    switch (claimed.kind) {
      case "claimed": {
        const run = this.#run(claimed).catch((error) => {
          claimed.release();
          emit({ type: "spool.warning", spool: name, message: `${id}: ${error}` });
        }).finally(() => {
          this.#running.delete(id);
          const touched = this.#touched.get(id);
          if (this.#touched.delete(id) && touched) this.#look(touched);
          this.#pump();
        });
        this.#running.set(id, run);
        return;
      }
      case "deferred":
        this.#queue.put({ ...ref, dueAt: claimed.dueAt }, this.#options.clock.now());
        return;
      case "busy":
      case "gone":
        return;
      case "incomplete":
      case "unusable":
        this.#complain(`${id}: left alone: ${claimed.reason}`);
        return;
      case "damaged":
        this.#complain(`${id}: moved to failed/: ${claimed.reason}`);
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

  #complain(message: string): void {
    if (this.#complained.has(message)) return;
    this.#complained.add(message);
    this.#options.emit({ type: "spool.warning", spool: this.#options.name, message });
  }

  async #run(task: ClaimedTask): Promise<void> {
    const { clock, config, random, emit, name } = this.#options;
    const func = findText(task.vars, "ud_spool_func") ?? "";
    const failures = task.attempts?.failures ?? 0;
    emit({ type: "task.started", spool: name, task: task.name, func, attempt: failures + 1 });
    const startedAt = clock.monotonic();
    const outcome = await this.#ask(task, func, failures + 1);
    const now = clock.now();
    const fate = settle(outcome, {
      policy: config.retry,
      frequencyMs: config.frequencyMs,
      failures,
      now,
      random,
    });
    this.#apply(task, fate, failedAttempts(outcome, task.attempts, now));
    const tookMs = clock.monotonic() - startedAt;
    emit({ type: "task.settled", spool: name, task: task.name, func, fate, tookMs });
  }

  /** Asks the handlers in order until one takes the task. */
  async #ask(task: ClaimedTask, func: string, attempt: number): Promise<Outcome> {
    const { config, executors, emit, abort } = this.#options;
    for (const executor of handlersFor(executors, func)) {
      const answer: Answer = await executor.run({
        task,
        func,
        attempt,
        dir: config.dir,
        harakiriMs: config.harakiriMs,
        output: (stream, line) =>
          emit({ type: "task.output", task: task.name, func, stream, line }),
        signal: abort,
      });
      if (answer.kind !== "ignored") return answer;
    }
    return { kind: "unhandled", reason: `no handler for "${func}"` };
  }

  #apply(task: ClaimedTask, fate: Fate, attempts: Attempts | null): void {
    const { store } = this.#options;
    switch (fate.kind) {
      case "done":
        return store.finish(task);
      case "deferred":
        store.defer(task, fate.dueAt, attempts);
        return this.#queue.put({
          name: task.name,
          priority: task.priority,
          dueAt: fate.dueAt,
        }, this.#options.clock.now());
      case "failed":
        return store.fail(task, fate.reason, attempts);
      case "ready":
        return task.release();
      default:
        return fate satisfies never;
    }
  }
}

/** What is to be remembered of this run; null when it was no failure. */
function failedAttempts(outcome: Outcome, before: Attempts | null, now: number): Attempts | null {
  switch (outcome.kind) {
    case "failed":
    case "permanent":
    case "unhandled":
      return {
        failures: (before?.failures ?? 0) + 1,
        firstFailureAt: before?.firstFailureAt ?? now,
        lastFailureAt: now,
        reason: outcome.reason,
        stderr: outcome.kind === "unhandled" ? "" : outcome.stderr,
      };
    case "done":
    case "retry":
    case "interrupted":
      return null;
    default:
      return outcome satisfies never;
  }
}
