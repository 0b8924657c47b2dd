/** A binary heap: the least element first, by a comparison given once. @pure */
export class Heap<T> {
  readonly #items: T[] = [];

  constructor(private readonly compare: (a: T, b: T) => number) {}

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  clear(): void {
    this.#items.length = 0;
  }

  /** In no order. */
  items(): Iterable<T> {
    return this.#items.values();
  }

  /** Takes everything, in order. */
  drain(): T[] {
    return this.#items.splice(0).sort(this.compare);
  }

  push(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1, item);
  }

  pop(): T | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length > 0 && last !== undefined) this.#rise(this.#sinkHole(), last);
    return top;
  }

  /** Puts an item into a hole, or above it where it belongs. */
  #rise(hole: number, item: T): void {
    const items = this.#items;
    let at = hole;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as T;
      if (this.compare(above, item) <= 0) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /**
   * Moves the hole at the top down to a leaf; returns where it is then. What fills it was the last leaf
   * and rarely rises far: that is half the comparisons of searching its place on the way down.
   */
  #sinkHole(): number {
    const items = this.#items;
    const { length } = items;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < length && this.compare(items[right] as T, items[child] as T) < 0) child = right;
      items[at] = items[child] as T;
      at = child;
    }
    return at;
  }
}
