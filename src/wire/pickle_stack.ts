/** The stack of a pickle that is followed: kinds of values in place of values. @pure */

import { NoPickle } from "./pickle_bytes.ts";

/** What lies on the stack. */
export const VALUE = 0;
export const MARK = 1;
/** Imported by its name. */
export const IMPORTED = 2;
/** Imported by a number that somebody has registered, which hardly anybody does. */
export const EXTENSION = 3;
/** A tuple, list, dictionary or set. */
export const CONTAINER = 4;
export const STRING = 5;

export const isImported = (kind: number) => kind === IMPORTED || kind === EXTENSION;

/** Kinds of values, in runs: a megabyte of the same opcode takes no memory. */
export class PickleStack {
  readonly #kinds: number[] = [];
  readonly #counts: number[] = [];

  get runs(): number {
    return this.#kinds.length;
  }

  get isEmpty(): boolean {
    return this.#kinds.length === 0;
  }

  push(kind: number, times = 1): void {
    const last = this.#kinds.length - 1;
    if (last >= 0 && this.#kinds[last] === kind) {
      this.#counts[last] = (this.#counts[last] ?? 0) + times;
      return;
    }
    this.#kinds.push(kind);
    this.#counts.push(times);
  }

  /** @throws {NoPickle} where nothing lies above the last mark */
  pop(): number {
    const kind = this.popAny();
    if (kind === MARK) throw new NoPickle();
    return kind;
  }

  popAny(): number {
    const last = this.#kinds.length - 1;
    const kind = this.#kinds[last];
    if (kind === undefined) throw new NoPickle();
    const count = (this.#counts[last] ?? 1) - 1;
    if (count > 0) {
      this.#counts[last] = count;
    } else {
      this.#kinds.pop();
      this.#counts.pop();
    }
    return kind;
  }

  /** @returns what lay right above the mark */
  popToMark(): number {
    let first = VALUE;
    while (true) {
      const last = this.#kinds.length - 1;
      const kind = this.#kinds[last];
      if (kind === undefined) throw new NoPickle();
      if (kind === MARK) {
        this.popAny();
        return first;
      }
      first = kind;
      this.#kinds.pop();
      this.#counts.pop();
    }
  }
}
