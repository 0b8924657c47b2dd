/**
 * The tasks of one spool that are known and not running, in the order in which they run: lower
 * priority number, then earlier due time, then uWSGI's order of names. Pure: the caller brings the
 * time.
 */

import { compareNatural, priorityRank, taskId } from "../spool/layout.ts";
import type { SeenTask } from "../spool/store.ts";
import { Heap } from "./heap.ts";

export class Queue {
  /** What counts for each id; a heap's element that is not in here any more is stale. */
  readonly #current = new Map<string, SeenTask>();
  readonly #ready = new Heap<SeenTask>(inOrder);
  readonly #deferred = new Heap<SeenTask>((a, b) => a.dueAt - b.dueAt);

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

  /**
   * Adds a task, or notes that its due time is another now.
   *
   * @returns false when it has no room: the task is to be looked for in the directory again, later
   */
  put(task: SeenTask, now: number): boolean {
    const id = taskId(task);
    if (this.#current.get(id)?.dueAt === task.dueAt) return true;
    const heap = task.dueAt > now ? this.#deferred : this.#ready;
    if (heap.size >= this.capacity) return false;
    this.#current.set(id, task);
    heap.push(task);
    return true;
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
