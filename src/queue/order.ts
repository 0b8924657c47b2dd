/**
 * The order in which known tasks start: lower priority number, then earlier due time, then uWSGI's
 * order of names. An index of the table of tasks, which says what counts. @pure
 */

import { compareNatural, priorityRank } from "../spool/layout.ts";
import type { SeenTask } from "../spool/task.ts";
import { SortedQueue } from "./sorted_queue.ts";
import type { Deferred, Postponed, Ready } from "./task_state.ts";

type Later = Deferred | Postponed;

/** Elements that no longer count are thrown out when there are so many, and more than those that do. */
const MOST_STALE = 1000;

export class Order {
  readonly #ready: StaleQueue<Ready>;
  readonly #later: StaleQueue<Later>;

  /** @param isCurrent whether a value is still what the table has for that task */
  constructor(isCurrent: (task: Ready | Later) => boolean) {
    this.#ready = new StaleQueue<Ready>(inOrder, isCurrent);
    this.#later = new StaleQueue<Later>((a, b) => a.dueAt - b.dueAt, isCurrent);
  }

  addReady(task: Ready): void {
    this.#ready.add(task);
  }

  addLater(task: Later): void {
    this.#later.add(task);
  }

  removeReady(task: Ready): void {
    this.#ready.remove(task);
  }

  removeLater(task: Later): void {
    this.#later.remove(task);
  }

  /** The ready task to start first, which stays here until it is no longer ready. */
  firstReady(): Ready | undefined {
    return this.#ready.first();
  }

  /** Since when the ready task is due that waits the longest, whatever its priority. */
  oldestReadyAt(): number | undefined {
    return this.#ready.least(({ dueAt }) => dueAt);
  }

  /** The deferred or postponed task that is due first. */
  firstLater(): Later | undefined {
    return this.#later.first();
  }

  /** Of those that wait for a time, the later half, earliest first. */
  laterHalf(): readonly Later[] {
    const all = this.#later.all();
    return all.slice(Math.ceil(all.length / 2));
  }
}

/** A queue from which anything may be removed: what is not its first stays as a stale element. */
export class StaleQueue<T> {
  readonly #queue: SortedQueue<T>;
  /** Elements that count. */
  #count = 0;

  constructor(
    compare: (a: T, b: T) => number,
    private readonly isCurrent: (item: T) => boolean,
  ) {
    this.#queue = new SortedQueue(compare);
  }

  add(item: T): void {
    if (this.#queue.size >= 2 * this.#count + MOST_STALE) this.#tidy();
    this.#queue.push(item);
    this.#count++;
  }

  /** Says that an item is no longer current. */
  remove(item: T): void {
    this.#count--;
    if (this.#queue.peek() === item) this.#queue.pop();
  }

  first(): T | undefined {
    // Nothing is stale, most of the time.
    while (this.#queue.size > this.#count) {
      const item = this.#queue.peek();
      if (item === undefined || this.isCurrent(item)) return item;
      this.#queue.pop();
    }
    return this.#queue.peek();
  }

  /** Of some number of each the smallest. */
  least(numberOf: (item: T) => number): number | undefined {
    let least: number | undefined;
    for (const item of this.#queue.items()) {
      const number = numberOf(item);
      if ((least === undefined || number < least) && this.isCurrent(item)) least = number;
    }
    return least;
  }

  /** In order. */
  all(): readonly T[] {
    this.#tidy();
    const items = this.#queue.drain();
    for (const item of items) this.#queue.push(item);
    return items;
  }

  #tidy(): void {
    for (const item of this.#queue.drain()) if (this.isCurrent(item)) this.#queue.push(item);
  }
}

/** Lower priority number, then earlier due time, then uWSGI's order of names. */
export function inOrder(a: SeenTask, b: SeenTask): number {
  const rankA = priorityRank(a.priority);
  const rankB = priorityRank(b.priority);
  if (rankA !== rankB) return rankA - rankB;
  return a.dueAt - b.dueAt || compareNatural(a.name, b.name);
}
