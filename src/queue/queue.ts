/**
 * The tasks of one spool that are known and not running, in the order in which they run: lower
 * priority number, then earlier due time, then uWSGI's order of names. The caller brings the
 * time.
 *
 * @pure
 */

import { compareNatural, priorityRank, taskId } from "../spool/layout.ts";
import type { SeenTask } from "../spool/store.ts";
import { Heap } from "./heap.ts";

export class Queue {
  /** What counts for each id; a heap's element that is not in here any more is stale. */
  readonly #current = new Map<string, SeenTask>();
  readonly #ready = new Heap<SeenTask>(inOrder);
  readonly #deferred = new Heap<SeenTask>((a, b) => a.dueAt - b.dueAt);

  #horizon = Infinity;

  /** @param capacity how many ready tasks it holds, and how many deferred ones besides */
  constructor(private readonly capacity = Infinity) {}

  get size(): number {
    return this.#current.size;
  }

  /** Tasks that are ready, or were. */
  get readySize(): number {
    return this.#ready.size;
  }

  has(id: string): boolean {
    return this.#current.has(id);
  }

  /** Whether it is here and waits for nothing but its turn. */
  isDue(id: string, now: number): boolean {
    const task = this.#current.get(id);
    return task !== undefined && task.dueAt <= now;
  }

  /**
   * From this time on (milliseconds since the epoch) deferred tasks may be due that it had no room for:
   * by then the directory is to be looked at again. Infinity when it has them all.
   */
  get horizon(): number {
    return this.#horizon;
  }

  /** Before a look at the whole directory. */
  forgetHorizon(): void {
    this.#horizon = Infinity;
  }

  /**
   * Adds a task, or notes that its due time is another now.
   *
   * @returns false when it has no room: the task is to be looked for in the directory again, soon
   */
  put(task: SeenTask, now: number): boolean {
    const id = taskId(task);
    if (this.#current.get(id)?.dueAt === task.dueAt) return true;
    if (task.dueAt > now) {
      this.#defer(id, task);
      return true;
    }
    if (this.#ready.size >= this.capacity) return false;
    this.#current.set(id, task);
    this.#ready.push(task);
    return true;
  }

  /** Of too many deferred tasks those that are due first are kept. */
  #defer(id: string, task: SeenTask): void {
    if (task.dueAt >= this.#horizon) {
      this.#current.delete(id);
      return;
    }
    this.#current.set(id, task);
    this.#deferred.push(task);
    if (this.#deferred.size <= this.capacity) return;
    const kept = this.#deferred.drain().filter((each) => this.#isCurrent(each));
    const rest = kept.splice(Math.ceil(this.capacity / 2));
    for (const each of kept) this.#deferred.push(each);
    for (const each of rest) this.#current.delete(taskId(each));
    this.#horizon = Math.min(this.#horizon, rest[0]?.dueAt ?? Infinity);
  }

  /** Forgets everything, for a fresh look. */
  clear(): void {
    this.#current.clear();
    this.#ready.clear();
    this.#deferred.clear();
  }

  /** The task to run now, which leaves the queue; undefined when none is due. */
  take(now: number): SeenTask | undefined {
    this.#wake(now);
    while (true) {
      const task = this.#ready.pop();
      if (task === undefined) return undefined;
      if (!this.#isCurrent(task)) continue;
      this.#current.delete(taskId(task));
      return task;
    }
  }

  /** When the earliest deferred task is due, in milliseconds since the epoch. */
  nextDueAt(): number | undefined {
    while (true) {
      const task = this.#deferred.peek();
      if (task === undefined || this.#isCurrent(task)) return task?.dueAt;
      this.#deferred.pop();
    }
  }

  #wake(now: number): void {
    while (true) {
      const task = this.#deferred.peek();
      if (task === undefined || task.dueAt > now) return;
      this.#deferred.pop();
      if (this.#isCurrent(task)) this.#ready.push(task);
    }
  }

  #isCurrent(task: SeenTask): boolean {
    return this.#current.get(taskId(task)) === task;
  }
}

function inOrder(a: SeenTask, b: SeenTask): number {
  const rankA = priorityRank(a.priority);
  const rankB = priorityRank(b.priority);
  if (rankA !== rankB) return rankA - rankB;
  return a.dueAt - b.dueAt || compareNatural(a.name, b.name);
}
