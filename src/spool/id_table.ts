/**
 * Many ids in little memory: of each a hash of 128 bits, when it was accepted, and a hash of 64 bits of its
 * task, in arrays of numbers, 32 bytes together. Open addressing with linear probing.
 *
 * Two ids with the same 128 bits of SHA-256 are not to be found, and to look for a second task for an id of
 * one's own gains nothing. Where an id stands depends on a number that peers do not know, too: they cannot
 * choose ids that crowd in one place.
 *
 * @pure
 */

import { hash } from "node:crypto";

/** What is known of an accepted id. */
export interface HashedId {
  /** {@link idHash} of the id. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** {@link contentHash} of the task; null for any task. */
  readonly content: string | null;
}

/** 32 hex digits. */
export function idHash(id: string): string {
  return hash("sha256", id, "hex").slice(0, 8 * ID_WORDS);
}

/** 16 hex digits. */
export function contentHash(content: string): string {
  return hash("sha256", content, "hex").slice(0, 8 * CONTENT_WORDS);
}

/** All that a table is, as it crosses threads. */
export interface IdTableParts {
  readonly seed: number;
  readonly size: number;
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly contents: Uint32Array<ArrayBuffer>;
  readonly times: Float64Array<ArrayBuffer>;
}

const ID_WORDS = 4;
const CONTENT_WORDS = 2;
const LEAST_SLOTS = 64;
/** Of all slots, this part is used at most. */
const MOST_FULL = 0.8;

export class IdTable {
  #size = 0;
  /** A power of two. */
  #slots = LEAST_SLOTS;
  #ids = new Uint32Array(ID_WORDS * LEAST_SLOTS);
  /** Zeros for any content. */
  #contents = new Uint32Array(CONTENT_WORDS * LEAST_SLOTS);
  /** NaN in a slot that is free. */
  #times = new Float64Array(LEAST_SLOTS).fill(NaN);
  #seed: number;
  /** The words of the id that is asked for. */
  readonly #words = new Uint32Array(ID_WORDS);

  /** @param random uniform in [0, 1) */
  constructor(random: number) {
    this.#seed = Math.floor(random * 2 ** 32);
  }

  /** A table of another thread; its parts are no other table's any more. */
  static of({ seed, size, ids, contents, times }: IdTableParts): IdTable {
    const table = new IdTable(0);
    table.#seed = seed;
    table.#size = size;
    table.#slots = times.length;
    table.#ids = ids;
    table.#contents = contents;
    table.#times = times;
    return table;
  }

  /** For another thread; the table is not to be used afterwards. */
  parts(): IdTableParts {
    const [ids, contents, times] = [this.#ids, this.#contents, this.#times];
    return { seed: this.#seed, size: this.#size, ids, contents, times };
  }

  get size(): number {
    return this.#size;
  }

  /** Of memory. */
  get bytes(): number {
    return this.#ids.byteLength + this.#contents.byteLength + this.#times.byteLength;
  }

  get(id: string): HashedId | undefined {
    const slot = this.#find(id);
    return this.#isFree(slot) ? undefined : this.#entry(slot);
  }

  /** In place of what was known of the id. */
  set({ id, at, content }: HashedId): void {
    if (this.#size + 1 > MOST_FULL * this.#slots) this.#grow();
    const slot = this.#find(id);
    if (this.#isFree(slot)) this.#size++;
    this.#ids.set(this.#words, ID_WORDS * slot);
    readWords(content ?? "", this.#contents, CONTENT_WORDS * slot, CONTENT_WORDS);
    this.#times[slot] = at;
  }

  *[Symbol.iterator](): Generator<HashedId> {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (!this.#isFree(slot)) yield this.#entry(slot);
    }
  }

  #isFree(slot: number): boolean {
    return Number.isNaN(this.#times[slot]);
  }

  #find(id: string): number {
    readWords(id, this.#words, 0, ID_WORDS);
    return this.#findWords();
  }

  /** Where the id is whose words were read, or would be. */
  #findWords(): number {
    let slot = this.#firstSlot();
    while (!this.#isFree(slot) && !this.#isAt(slot)) slot = (slot + 1) & (this.#slots - 1);
    return slot;
  }

  #isAt(slot: number): boolean {
    const at = ID_WORDS * slot;
    for (let n = 0; n < ID_WORDS; n++) if (this.#ids[at + n] !== this.#words[n]) return false;
    return true;
  }

  #firstSlot(): number {
    let mixed = this.#seed;
    for (let n = 0; n < ID_WORDS; n++) {
      mixed = Math.imul(mixed ^ (this.#words[n] ?? 0), 0x9e3779b1);
      mixed ^= mixed >>> 15;
    }
    return mixed & (this.#slots - 1);
  }

  #entry(slot: number): HashedId {
    const content = contentAt(this.#contents, slot);
    return {
      id: hexOf(idAt(this.#ids, slot)),
      at: this.#times[slot] ?? NaN,
      content: content.every((word) => word === 0) ? null : hexOf(content),
    };
  }

  #grow(): void {
    const [ids, contents, times] = [this.#ids, this.#contents, this.#times];
    this.#slots *= 2;
    this.#ids = new Uint32Array(ID_WORDS * this.#slots);
    this.#contents = new Uint32Array(CONTENT_WORDS * this.#slots);
    this.#times = new Float64Array(this.#slots).fill(NaN);
    times.forEach((at, before) => {
      if (Number.isNaN(at)) return;
      this.#words.set(idAt(ids, before));
      const slot = this.#findWords();
      this.#ids.set(this.#words, ID_WORDS * slot);
      this.#contents.set(contentAt(contents, before), CONTENT_WORDS * slot);
      this.#times[slot] = at;
    });
  }
}

const idAt = (ids: Uint32Array, slot: number) =>
  ids.subarray(ID_WORDS * slot, ID_WORDS * (slot + 1));
const contentAt = (contents: Uint32Array, slot: number) =>
  contents.subarray(CONTENT_WORDS * slot, CONTENT_WORDS * (slot + 1));

/** @param hex with nothing in it, zeros */
function readWords(hex: string, into: Uint32Array, at: number, count: number): void {
  for (let n = 0; n < count; n++) into[at + n] = parseInt(hex.slice(8 * n, 8 * n + 8), 16) || 0;
}

function hexOf(words: Uint32Array): string {
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}
