/**
 * Tasks that wait for the end of others (src/task/after.ts). Their files say so by a time that nothing
 * reaches; what each waits for is read once, when it is found. From then on nothing is done for it until one
 * of those others ends, but for a question at each scan whether its file is still there: another program
 * may have ended it.
 */

import { apart } from "../platform/apart.ts";
import { rethrowImpossible } from "../platform/unexpected.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import type { Once } from "../report/once.ts";
import { refOf, taskId, taskLabel, type TaskRef } from "../spool/layout.ts";
import type { SeenTask, Store } from "../spool/store.ts";
import { mayWaitForOthers } from "../task/after.ts";
import { funcOf } from "../task/request.ts";
import type { Ends } from "./ends.ts";
import type { Tasks } from "./tasks.ts";

export interface WaitingOptions {
  /** Names the spool in the log. */
  readonly name: string;
  readonly store: Store;
  readonly tasks: Tasks;
  readonly ends: Ends;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly once: Once;
  /** More may be started now. */
  wake(): void;
}

export class WaitingTasks {
  readonly #options: WaitingOptions;
  /** By id: the names of those that have not ended. */
  readonly #left = new Map<string, Set<string>>();
  /** By the name of one that has not ended: ids of those that wait for it. */
  readonly #waiters = new Map<string, Set<string>>();

  constructor(options: WaitingOptions) {
    this.#options = options;
    options.tasks.whenForgotten((id) => this.#ended(id));
  }

  /** A task was found, or found with another time. */
  see(task: SeenTask): void {
    const isWaiting = mayWaitForOthers(task.dueAt);
    if (!isWaiting && this.#left.size === 0) return;
    const id = taskId(task);
    const isKnown = this.#left.has(id);
    if (!isWaiting) return isKnown ? this.#forget(id) : undefined;
    this.#guarded(id, () => {
      if (!isKnown) return this.#add(id, task);
      // Somebody may have had its file when it was to start.
      for (const name of [...this.#left.get(id) ?? []]) this.#check(name, id);
    });
  }

  #add(id: string, ref: TaskRef): void {
    const names = this.#options.store.readAfter(ref);
    if (names.length === 0) return;
    this.#left.set(id, new Set(names));
    for (const name of names) {
      const waiters = this.#waiters.get(name) ?? new Set();
      this.#waiters.set(name, waiters.add(id));
    }
    for (const name of names) this.#check(name, id);
  }

  #forget(id: string): void {
    for (const name of this.#left.get(id) ?? []) this.#unlink(name, id);
    this.#left.delete(id);
  }

  #unlink(name: string, id: string): void {
    const waiters = this.#waiters.get(name);
    waiters?.delete(id);
    if (waiters?.size === 0) this.#waiters.delete(name);
  }

  /** A task is not in the table any more: it has ended, or there was no room for it. */
  #ended(id: string): void {
    if (this.#left.size === 0) return;
    this.#forget(id);
    const { name } = refOf(id);
    // Behind the change of the table that says so.
    if (this.#waiters.has(name)) queueMicrotask(() => apart(() => this.#checkAll(name)));
  }

  /** The whole directory was scanned. */
  recheck(): void {
    for (const name of [...this.#waiters.keys()]) this.#checkAll(name);
  }

  #checkAll(name: string): void {
    for (const id of [...this.#waiters.get(name) ?? []]) {
      this.#guarded(id, () => this.#check(name, id));
    }
  }

  /** @param name one that this task waits for, and that may have ended */
  #check(name: string, id: string): void {
    const left = this.#left.get(id);
    if (left === undefined) return;
    const place = this.#options.store.placeOf(name);
    if (place === "queue") return;
    if (place === "failed") return this.#giveUp(id, name);
    left.delete(name);
    this.#unlink(name, id);
    if (left.size === 0) this.#start(id);
  }

  #start(id: string): void {
    const { store, tasks, clock, wake } = this.#options;
    this.#left.delete(id);
    const dueAt = store.endWait(refOf(id));
    if (dueAt === null) return;
    tasks.see({ ...refOf(id), dueAt }, clock.now());
    wake();
  }

  #giveUp(id: string, name: string): void {
    const { store, tasks, ends, clock } = this.#options;
    const ref = refOf(id);
    const claimed = store.claimWaiting(ref);
    // Somebody has it; the next scan asks again.
    if (claimed.kind !== "claimed") return;
    tasks.see({ ...ref, dueAt: claimed.dueAt }, clock.now());
    tasks.see({ ...ref, dueAt: clock.now() }, clock.now());
    if (tasks.get(id)?.kind !== "ready") return claimed.release();
    this.#forget(id);
    tasks.apply(id, { type: "claimed", handler: null });
    const reason = `it was to start after ${taskLabel(name)}, which was given up`;
    const outcome = { kind: "permanent", reason, stderr: "" } as const;
    ends.conclude(claimed, outcome, funcOf(claimed), 0);
  }

  /** What cannot be read or written now is tried again at the next scan. */
  #guarded(id: string, act: () => void): void {
    const { emit, once, name } = this.#options;
    try {
      act();
    } catch (error) {
      rethrowImpossible(error);
      const message = `${id}: cannot find out whether it may start: ${reasonOf(error)}`;
      if (once.isFirst(message)) emit({ type: "spool.warning", spool: name, message });
    }
  }
}
