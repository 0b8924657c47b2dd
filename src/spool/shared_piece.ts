/**
 * A piece of a directory in memory that two threads see: the entries as the kernel has written them, and a row
 * for each task of what another thread has found out about it.
 */

import { Dirents, DIRENTS_SIZE } from "../platform/dirents.ts";
import { TASK_PREFIX, type TaskRef } from "./layout.ts";
import {
  Funcs,
  LEFT_OUT,
  type PlainTask,
  type TaskReader,
  type TaskReading,
} from "./plain_task.ts";

/** No task has a shorter entry: its header, its name, a NUL. */
const SMALLEST_ENTRY = 19 + TASK_PREFIX.length + 1;
const MOST_ROWS = Math.floor(DIRENTS_SIZE / SMALLEST_ENTRY);
/** Of the functions, one behind the other. */
const TEXT_SIZE = 64 * 1024;

/** Where the header has what. */
const STATE = 0;
const FD = 1;
const LENGTH = 2;
const ROWS = 3;

/** States: whose turn it is. */
const FREE = 0;
const GIVEN = 1;
const TAKEN = 2;
const DONE = 3;
const END = 4;

/** What a row says first; the others are states of tasks. */
const NOT_PLAIN = 0;
const LEFT_OUT_ROW = 1;
const STATES: readonly (PlainTask["state"] | null)[] = [null, null, "ready", "deferred", "running"];

/** Numbers of a row: dueAt, madeAt, size, bodySize. */
const NUMBERS = 4;

const HEADER_BYTES = 16;
const NUMBERS_AT = HEADER_BYTES;
const FUNCS_AT = NUMBERS_AT + 8 * NUMBERS * MOST_ROWS;
const KINDS_AT = FUNCS_AT + 4 * 2 * MOST_ROWS;
const TEXT_AT = KINDS_AT + MOST_ROWS;
const DIRENTS_AT = TEXT_AT + TEXT_SIZE;
const SIZE = DIRENTS_AT + DIRENTS_SIZE;

export class SharedPiece {
  readonly #header: Int32Array;
  readonly numbers: Float64Array;
  /** Where in the texts the function of each row is; -1 and -1 for none. */
  readonly funcs: Int32Array;
  readonly kinds: Uint8Array;
  readonly texts: Uint8Array;
  readonly #dirents: Uint8Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(SIZE)) {
    this.#header = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.numbers = new Float64Array(memory, NUMBERS_AT, NUMBERS * MOST_ROWS);
    this.funcs = new Int32Array(memory, FUNCS_AT, 2 * MOST_ROWS);
    this.kinds = new Uint8Array(memory, KINDS_AT, MOST_ROWS);
    this.texts = new Uint8Array(memory, TEXT_AT, TEXT_SIZE);
    this.#dirents = new Uint8Array(memory, DIRENTS_AT, DIRENTS_SIZE);
  }

  /** By the thread that has the directory. */
  give(fd: number, { buffer, length }: Dirents): void {
    this.#dirents.set(buffer.subarray(0, length));
    this.#header[FD] = fd;
    this.#header[LENGTH] = length;
    this.#header[ROWS] = 0;
    this.#be(GIVEN);
  }

  /**
   * By the other thread: waits for a piece.
   *
   * @returns the descriptor of the directory; null when there is nothing more to do
   */
  take(into: Dirents): number | null {
    while (true) {
      const state = Atomics.compareExchange(this.#header, STATE, GIVEN, TAKEN);
      if (state === GIVEN) break;
      if (state === END) return null;
      Atomics.wait(this.#header, STATE, state);
    }
    into.length = this.#header[LENGTH] as number;
    into.buffer.set(this.#dirents.subarray(0, into.length));
    return this.#header[FD] as number;
  }

  /** By the other thread: about so many tasks it has said something. */
  finish(rows: number): void {
    this.#header[ROWS] = rows;
    this.#be(DONE);
  }

  get isDone(): boolean {
    return Atomics.load(this.#header, STATE) === DONE;
  }

  /** False when the other thread has begun. */
  takeBack(): boolean {
    return Atomics.compareExchange(this.#header, STATE, GIVEN, FREE) === GIVEN;
  }

  waitUntilDone(): void {
    while (true) {
      const state = Atomics.load(this.#header, STATE);
      if (state === DONE) return;
      Atomics.wait(this.#header, STATE, state);
    }
  }

  end(): void {
    this.#be(END);
  }

  #be(state: number): void {
    Atomics.store(this.#header, STATE, state);
    Atomics.notify(this.#header, STATE);
  }

  get rows(): number {
    return this.#header[ROWS] as number;
  }
}

/** Writes what the other thread finds out, a row for each task in its order. */
export class PieceWriter {
  readonly #piece: SharedPiece;
  #row = 0;
  #textEnd = 0;
  readonly #texts = new Map<Uint8Array, number>();

  constructor(piece: SharedPiece) {
    this.#piece = piece;
  }

  add(task: TaskReading): void {
    const row = this.#row++;
    const { kinds } = this.#piece;
    if (task === null) kinds[row] = NOT_PLAIN;
    else if (task === LEFT_OUT) kinds[row] = LEFT_OUT_ROW;
    else kinds[row] = this.#write(row, task) ? STATES.indexOf(task.state) : NOT_PLAIN;
  }

  /** False when there is no room for its function. */
  #write(row: number, { dueAt, madeAt, size, bodySize, func }: PlainTask): boolean {
    const { numbers, funcs } = this.#piece;
    const start = func === null ? -1 : this.#startOf(func);
    if (start === null) return false;
    funcs[2 * row] = start;
    funcs[2 * row + 1] = start + (func?.length ?? 0);
    const at = NUMBERS * row;
    numbers[at] = dueAt;
    numbers[at + 1] = madeAt;
    numbers[at + 2] = size;
    numbers[at + 3] = bodySize;
    return true;
  }

  #startOf(func: Uint8Array): number | null {
    const known = this.#texts.get(func);
    if (known !== undefined) return known;
    const start = this.#textEnd;
    if (start + func.length > TEXT_SIZE) return null;
    this.#piece.texts.set(func, start);
    this.#textEnd += func.length;
    this.#texts.set(func, start);
    return start;
  }

  finish(): void {
    this.#piece.finish(this.#row);
  }
}

/** What the other thread has found out: about each task in its order. What it has not said is null. */
export class PieceResults implements TaskReader {
  readonly #piece: SharedPiece;
  readonly #funcs = new Funcs();
  #row = 0;

  constructor(piece: SharedPiece) {
    this.#piece = piece;
  }

  read(_at: number, { name, priority }: TaskRef): TaskReading {
    const { kinds, numbers, funcs, texts, rows } = this.#piece;
    const row = this.#row++;
    const kind = row < rows ? kinds[row] as number : NOT_PLAIN;
    if (kind === LEFT_OUT_ROW) return LEFT_OUT;
    const state = STATES[kind] ?? null;
    if (state === null) return null;
    const at = NUMBERS * row;
    const start = funcs[2 * row] as number;
    return {
      name,
      priority,
      state,
      dueAt: numbers[at] as number,
      madeAt: numbers[at + 1] as number,
      size: numbers[at + 2] as number,
      bodySize: numbers[at + 3] as number,
      func: start < 0 ? null : this.#funcs.find(texts, start, funcs[2 * row + 1] as number),
    };
  }
}
