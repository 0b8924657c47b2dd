/**
 * The order in which known tasks start: lower priority number, then earlier due time, then uWSGI's
 * order of names. An index of the table of tasks, which says what counts. @pure
 */

import { compareNatural, priorityRank } from "../spool/layout.ts";
import type { SeenTask } from "../spool/task.ts";
import { Heap } from "./heap.ts";
import type { Deferred, Postponed, Ready } from "./task_state.ts";

/** Elements that no longer count are thrown out when there are so many, and more than those that do. */
const MOST_STALE = 1000;

export class Order {
  readonly #ready = new Heap<Ready>(inOrder);
  readonly #deferred = new Heap<Deferred | Postponed>((a, b) => a.dueAt - b.dueAt);

  /** @param isCurrent whether a value is still what the table has for that task */
  constructor(private readonly isCurrent: (task: Ready | Deferred | Postponed) => boolean) {}

  /** @param known how many ready tasks the table has */
  addReady(task: Ready, known: number): void {
    this.#tidy(this.#ready, known);
    this.#ready.push(task);
  }

  /** @param known how many deferred and postponed tasks the table has */
  addDeferred(task: Deferred | Postponed, known: number): void {
    this.#tidy(this.#deferred, known);
    this.#deferred.push(task);
  }

  /** The ready task to start first, which stays here until it is no longer ready. */
  firstReady(): Ready | undefined {
    return this.#first(this.#ready);
  }

  /** The deferred task that is due first. */
  firstDeferred(): Deferred | Postponed | undefined {
    return this.#first(this.#deferred);
  }

  /** Keeps the half of the deferred tasks that is due first; returns the others, earliest first. */
  halveDeferred(): (Deferred | Postponed)[] {
    const all = this.#deferred.drain().filter((task) => this.isCurrent(task));
    const later = all.splice(Math.ceil(all.length / 2));
    for (const task of all) this.#deferred.push(task);
    return later;
  }

  #first<T extends Ready | Deferred | Postponed>(heap: Heap<T>): T | undefined {
    while (true) {
      const task = heap.peek();
      if (task === undefined || this.isCurrent(task)) return task;
      heap.pop();
    }
  }

  #tidy<T extends Ready | Deferred | Postponed>(heap: Heap<T>, known: number): void {
    if (heap.size < 2 * known + MOST_STALE) return;
    for (const task of heap.drain()) if (this.isCurrent(task)) heap.push(task);
  }
}

function inOrder(a: SeenTask, b: SeenTask): number {
  const rankA = priorityRank(a.priority);
  const rankB = priorityRank(b.priority);
  if (rankA !== rankB) return rankA - rankB;
  return a.dueAt - b.dueAt || compareNatural(a.name, b.name);
}
