/**
 * Takes elements in any order and gives the least first. Those that come in order, as most tasks do, stand in
 * a line and cost one comparison each; only the others are put into a heap. @pure
 */

import { Heap } from "./heap.ts";

/** So many places at the front of the line may be empty, or half of it. */
const MOST_EMPTY = 1024;

export class SortedQueue<T> {
  /** In order, from {@link #front} on. */
  #line: (T | undefined)[] = [];
  #front = 0;
  readonly #heap: Heap<T>;

  constructor(private readonly compare: (a: T, b: T) => number) {
    this.#heap = new Heap(compare);
  }

  get size(): number {
    return this.#line.length - this.#front + this.#heap.size;
  }

  push(item: T): void {
    const isFirst = this.#front === this.#line.length;
    if (isFirst || this.compare(this.#line[this.#line.length - 1] as T, item) <= 0) {
      this.#line.push(item);
    } else this.#heap.push(item);
  }

  peek(): T | undefined {
    return this.#isInHeap ? this.#heap.peek() : this.#line[this.#front];
  }

  pop(): T | undefined {
    if (this.#isInHeap) return this.#heap.pop();
    const item = this.#line[this.#front];
    if (item !== undefined) this.#leaveLine();
    return item;
  }

  /** Whether the least element is in the heap. */
  get #isInHeap(): boolean {
    const least = this.#heap.peek();
    if (least === undefined) return false;
    return this.#front === this.#line.length ||
      this.compare(least, this.#line[this.#front] as T) < 0;
  }

  #leaveLine(): void {
    this.#line[this.#front++] = undefined;
    const isEmpty = this.#front === this.#line.length;
    if (!isEmpty && (this.#front < MOST_EMPTY || 2 * this.#front < this.#line.length)) return;
    this.#line = this.#line.slice(this.#front);
    this.#front = 0;
  }

  /** In no order. */
  *items(): Generator<T> {
    for (let at = this.#front; at < this.#line.length; at++) yield this.#line[at] as T;
    yield* this.#heap.items();
  }

  /** Takes everything, in order. */
  drain(): T[] {
    const line = this.#line.slice(this.#front) as T[];
    this.#line = [];
    this.#front = 0;
    return this.#heap.size === 0 ? line : [...line, ...this.#heap.drain()].sort(this.compare);
  }
}
