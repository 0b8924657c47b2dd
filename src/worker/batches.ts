/**
 * Hands ready tasks to workers as names, unread, in batches; the workers claim them, run them, and
 * remove what is done. Only what did not go well comes back to be settled here. A task with a history
 * (it has failed before, or may be too old) is claimed and read by the program, which says who runs it.
 */

import type { Executor } from "../exec/executor.ts";
import type { Clock } from "../platform/clock.ts";
import { apart } from "../platform/apart.ts";
import type { KillOrder } from "../exec/kill_order.ts";
import type { Handout, HandoutParts } from "../queue/dispatcher.ts";
import type { KillResult } from "../queue/kill_result.ts";
import { waitBefore } from "../queue/settlement.ts";
import { BUSY, GONE } from "../queue/task_event.ts";
import type { Batch, Handed, TaskState } from "../queue/task_state.ts";
import type { Debug } from "../report/debug.ts";
import type { Emit } from "../report/event.ts";
import { refOf, taskId } from "../spool/layout.ts";
import type { SeenTask, Store } from "../spool/store.ts";
import type { Outcome } from "../task/outcome.ts";
import { BatchEnds, isOf } from "./batch_ends.ts";
import { BatchSize } from "./batch_size.ts";
import { claimedBy } from "./claimed_by_worker.ts";
import { Help } from "./help.ts";
import { Kills } from "./kills.ts";
import type { WorkerAnswer } from "./message.ts";
import type { Pool } from "./pool.ts";
import type { TaskWorker } from "./task_worker.ts";
import { Unread } from "./unread.ts";
import { counted } from "../platform/count_text.ts";

export interface BatchesOptions extends HandoutParts {
  /** The spool's name, for the log. */
  readonly name: string;
  readonly pool: Pool;
  /** The pool as a handler among others. */
  readonly executor: Executor;
  readonly store: Store;
  readonly maxAgeMs: number | null;
  /** Tasks start in a strict order. */
  readonly ordered: boolean;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly debug: Debug;
}

export class Batches implements Handout {
  readonly #options: BatchesOptions;
  readonly #size = new BatchSize();
  readonly #help: Help;
  readonly #unread: Unread;
  readonly #kills = new Kills();

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.#unread = new Unread(options);
    this.#help = new Help({ ...options, size: this.#size });
    const batchEnds = new BatchEnds({
      ...options,
      kills: this.#kills,
      done: (id, handed, tookMs) => this.#done(id, handed, "", tookMs),
      letGo: (worker, id, handed) => this.#letGo(worker, id, handed, true),
    });
    options.pool.listen({
      answered: (worker, answers) => this.#answered(worker, answers),
      ended: (worker, end) => {
        batchEnds.ended(worker, end);
        this.#endBatches();
      },
      changed: () => options.wake(),
    });
  }

  get isOpen(): boolean {
    return !this.#options.pool.isFailing;
  }

  fill(): void {
    const { pool, starts, tasks } = this.#options;
    const open = [...pool.open].sort((a, b) => a.unanswered.size - b.unanswered.size);
    let idle = 0;
    for (const worker of open) {
      if (!this.#mayHand(worker)) continue;
      this.#hand(worker, this.#roomOf(worker, open.length));
      if (!worker.isBusy) idle++;
    }
    const free = starts.slots - tasks.busyWorkers;
    if (idle > 0) this.#help.arrange();
    else if (free > 0) pool.demand(Math.min(tasks.count("ready"), free));
  }

  /** A task that the program starts meanwhile may take this worker, or the last slot. */
  #mayHand(worker: TaskWorker): boolean {
    const { starts, tasks } = this.#options;
    return !worker.isTaken && (worker.isBusy || tasks.busyWorkers < starts.slots);
  }

  #roomOf(worker: TaskWorker, workers: number): number {
    const { pool, ordered, tasks } = this.#options;
    const share = Math.max(1, Math.ceil(tasks.count("ready") / workers));
    const { size: unanswered } = worker.unanswered;
    const room = Math.min(this.#size.more(unanswered), pool.left(worker), share);
    if (!this.#size.isWorth(room, unanswered)) return 0;
    // Two workers with a batch each would run the second's first task before the first's last.
    return ordered && workers > 1 ? Math.min(room, worker.isBusy ? 0 : 1) : room;
  }

  /** Hands a worker as many tasks as there is room for; what was taken is, whatever else fails. */
  #hand(worker: TaskWorker, room: number): void {
    const batch: Batch = { workers: [worker], note: null, left: 0 };
    const ids: string[] = [];
    try {
      this.#collect(worker, room, batch, ids);
    } finally {
      if (ids.length > 0) {
        batch.note = this.#options.store.beginBatch(ids);
        this.#options.debug?.(
          `${worker.label} gets ${counted(ids.length, "task")}, ${ids[0]} first`,
        );
        worker.hand(ids);
      }
    }
  }

  #collect(worker: TaskWorker, room: number, batch: Batch, ids: string[]): void {
    const { starts, tasks } = this.#options;
    this.#unread.forget();
    // Answers come in the order of `unanswered`, which has each id once.
    while (ids.length < room) {
      const task = starts.next();
      if (task === undefined) return;
      const id = taskId(task);
      if (worker.unanswered.has(id) || !this.#unread.allows(task, id)) {
        if (tasks.busyWorkers >= starts.slots) return;
        starts.start(task);
        if (!this.#mayHand(worker)) return;
        continue;
      }
      starts.countOne();
      tasks.apply(id, { type: "handed", batch });
      ids.push(id);
    }
  }

  async kill(id: string, order: KillOrder): Promise<KillResult> {
    const handed = this.#options.tasks.get(id);
    if (handed?.kind !== "handed") return { kind: "not running", state: handed?.kind ?? null };
    return await this.#kills.obey(id, handed, order);
  }

  #answered(worker: TaskWorker, answers: readonly WorkerAnswer[]): void {
    for (const answer of answers) {
      if (answer.kind !== "busy" && answer.kind !== "gone") this.#size.observe(answer.tookMs);
      apart(() => this.#take(worker, answer));
      this.#kills.ended(worker, answer.task, answer.kind === "done" ? "done" : "ready");
    }
    this.#endBatches();
  }

  #take(worker: TaskWorker, answer: WorkerAnswer): void {
    const { tasks, executor } = this.#options;
    const { task: id, kind, func, tookMs, reason, stderr } = answer;
    const state = tasks.get(id);
    const handed = isOf(worker, state) ? state : null;
    switch (kind) {
      case "done":
        return this.#done(id, state, func, tookMs);
      case "kept":
        return this.#conclude(worker, id, { kind: "done" }, func, tookMs);
      case "retry":
        return this.#conclude(worker, id, { kind, reason }, func, tookMs);
      case "failed":
      case "permanent":
        return this.#conclude(worker, id, { kind, reason, stderr }, func, tookMs);
      case "ignored":
        if (handed) tasks.apply(id, { type: "returned", route: executor });
        return;
      case "elsewhere":
      case "inspect":
        if (handed) tasks.apply(id, { type: "returned", route: "program" });
        return;
      case "gone":
        if (handed) this.#letGo(worker, id, handed, handed.touched);
        return;
      case "busy":
        if (handed) this.#letGoBusy(worker, id, handed);
        return;
      default:
        return kind satisfies never;
    }
  }

  /** The worker has unlinked it. */
  #done(id: string, state: TaskState | undefined, func: string, tookMs: number): void {
    const { tasks, store, clock, emit, name } = this.#options;
    const ref = state ?? refOf(id);
    const handed = state?.kind === "handed" ? state : undefined;
    store.finished(id);
    emit({
      type: "task.settled",
      spool: name,
      task: ref.name,
      func,
      // What has failed before is run by the program.
      attempt: 1,
      fate: { kind: "done" },
      tookMs,
      waitMs: waitBefore(clock.now(), tookMs, handed),
    });
    if (state === undefined || state.kind === "running" || state.kind === "settling") return;
    const isTouched = handed?.touched === true;
    // Another task may have the name by now.
    const task = isTouched ? store.see(ref) : null;
    if (task === null) tasks.apply(id, GONE);
    else tasks.apply(id, { type: "settled", task, route: "workers", now: clock.now() });
  }

  /** Settles a task that a worker has claimed, and then lets go of. */
  #conclude(
    worker: TaskWorker,
    id: string,
    said: Outcome,
    func: string,
    tookMs: number,
  ): void {
    const { store, ends, tasks, clock } = this.#options;
    const state = tasks.get(id);
    const dueAt = state?.kind === "handed" ? state.dueAt : clock.now();
    const order = said.kind === "done" ? undefined : this.#kills.orderFor(worker, id);
    const claimed = claimedBy(worker, id, dueAt, store);
    const fate = ends.conclude(claimed, order?.outcome ?? said, func, tookMs);
    this.#kills.ended(worker, id, fate?.kind ?? null);
  }

  /** One worker less has it; the last leaves it as its file is. */
  #letGo(worker: TaskWorker, id: string, handed: Handed, lookAgain: boolean): void {
    const { tasks, store, clock } = this.#options;
    if (handed.workers.length > 1) return tasks.apply(id, { type: "let go", worker });
    const task: SeenTask | null = lookAgain ? store.see(handed) : null;
    tasks.apply(id, { type: "settled", task, route: "workers", now: clock.now() });
  }

  /** Another process holds it, or held it when its lock was tried. */
  #letGoBusy(worker: TaskWorker, id: string, handed: Handed): void {
    const { tasks, store } = this.#options;
    const isFree = handed.touched && !store.isLocked(handed);
    if (handed.workers.length > 1 || isFree) this.#letGo(worker, id, handed, true);
    else tasks.apply(id, BUSY);
  }

  #endBatches(): void {
    for (const note of this.#options.tasks.takeEndedNotes()) this.#options.store.endBatch(note);
  }

  stop(): Promise<void> {
    this.#help.stop();
    return this.#options.pool.stop();
  }
}
