/**
 * Whether bytes are a Python pickle. Their opcodes are followed and never run: only the kinds of what
 * they push and take are kept.
 *
 * Bytes are a pickle when loading them would
 * - use something imported: call it, make an instance of it, or change it, or
 * - come to an end (STOP) with one list, tuple, dictionary or set, as dumps() writes them.
 * Whatever begins with a known protocol's mark (0x80) and ends with a dot counts as well.
 *
 * A text such as `cos\nsystem\n`, which would import a module and no more, is a text; a word such as
 * `N.` is a word.
 *
 * Source: CPython's Modules/_pickle.c and Lib/pickletools.py, protocols 0 to 5.
 *
 * @pure
 */

import { PickleBytes } from "./pickle_bytes.ts";
import { DOT, HIGHEST_PROTOCOL, PickleFollower, type PickleResult } from "./pickle_opcodes.ts";

const PROTO = 0x80;

export function isPickle(bytes: Uint8Array): boolean {
  const scanner = new PickleScanner();
  scanner.push(bytes);
  return scanner.end();
}

/** For bytes that come in pieces. */
export class PickleScanner {
  readonly #steps: Generator<void, PickleResult, void>;
  #verdict: PickleResult | null = null;
  readonly #bytes = new PickleBytes();
  #size = 0;
  #first = -1;
  #second = -1;
  #last = -1;

  constructor() {
    this.#steps = new PickleFollower(this.#bytes).follow();
    this.#steps.next();
  }

  /** Known to be a pickle, whatever follows. */
  get isPickle(): boolean {
    return this.#verdict === "pickle";
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#first === -1) this.#first = bytes[0] ?? -1;
    else if (this.#size === 1) this.#second = bytes[0] ?? -1;
    if (this.#second === -1) this.#second = bytes[1] ?? -1;
    this.#last = bytes[bytes.length - 1] ?? -1;
    this.#size += bytes.length;
    if (this.#verdict !== null) return;
    this.#bytes.push(bytes);
    this.#step();
  }

  /** All has come. */
  end(): boolean {
    this.#bytes.end();
    if (this.#verdict === null) this.#step();
    return this.#verdict === "pickle" || this.#isMarked();
  }

  #isMarked(): boolean {
    const { first, second, last } = { first: this.#first, second: this.#second, last: this.#last };
    return first === PROTO && second >= 0 && second <= HIGHEST_PROTOCOL && last === DOT;
  }

  #step(): void {
    const step = this.#steps.next();
    if (step.done) this.#verdict = step.value;
  }
}
