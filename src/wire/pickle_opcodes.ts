/**
 * Follows the opcodes of a pickle, one after the other, and runs none.
 *
 * Source: CPython's Modules/_pickle.c and Lib/pickletools.py, protocols 0 to 5.
 *
 * @pure
 */

import { isModule, LikelyPickle, NoPickle, type PickleBytes } from "./pickle_bytes.ts";
import {
  CONTAINER,
  EXTENSION,
  IMPORTED,
  isImported,
  MARK,
  PickleStack,
  STRING,
  VALUE,
} from "./pickle_stack.ts";

export const HIGHEST_PROTOCOL = 5;
export const DOT = 0x2e;
const PROTOCOL_0 = new Set(Array.from("(.012FILNRSVabcdgilopst", (char) => char.charCodeAt(0)));
/** What does not fail for so many opcodes is taken for a pickle: nobody may make us work for long. */
const MOST_OPCODES = 100_000;
/** Runs of like values on the stack, and places of the memo. */
const MOST_KEPT = 65_536;

export type PickleResult = "pickle" | "data";

export class PickleFollower {
  readonly #bytes: PickleBytes;
  readonly #stack = new PickleStack();
  readonly #memo = new Map<string, number>();
  #opcodes = 0;
  #hasHeader = false;
  /** Only opcodes of protocol 0 so far. */
  #isText = true;

  constructor(bytes: PickleBytes) {
    this.#bytes = bytes;
  }

  /** Ends with `data` where loading would raise before anything was done. */
  *follow(): Generator<void, PickleResult, void> {
    // The first step comes before there are bytes.
    yield;
    try {
      while (true) {
        const opcode = yield* this.#bytes.byte();
        if (opcode === DOT) return yield* this.#stop();
        this.#opcodes++;
        this.#isText &&= PROTOCOL_0.has(opcode);
        if (yield* this.#act(opcode)) return "pickle";
        if (this.#opcodes > MOST_OPCODES || this.#stack.runs > MOST_KEPT) return "pickle";
        if (this.#memo.size > MOST_KEPT) return "pickle";
      }
    } catch (error) {
      if (error instanceof NoPickle) return "data";
      if (error instanceof LikelyPickle) return "pickle";
      throw error;
    }
  }

  /** One value is left, it took some work, and nothing follows. */
  *#stop(): Generator<void, PickleResult, void> {
    const kind = this.#stack.pop();
    if (kind === IMPORTED) return "pickle";
    const isMade = kind === CONTAINER && this.#opcodes > 1 && this.#stack.isEmpty &&
      (this.#memo.size > 0 || this.#isText);
    return isMade && (yield* this.#bytes.isAtEnd()) ? "pickle" : "data";
  }

  /** @returns whether it uses something imported */
  *#act(opcode: number): Generator<void, boolean, void> {
    const stack = this.#stack;
    switch (String.fromCharCode(opcode)) {
      case "(":
        return this.#pushRun(opcode, MARK);
      case "0":
        stack.popAny();
        return false;
      case "1":
        stack.popToMark();
        return false;
      case "2": {
        const top = stack.pop();
        stack.push(top);
        stack.push(top);
        return false;
      }
      case "N":
      case "\x88":
      case "\x89":
        return this.#pushRun(opcode, VALUE);
      case ")":
      case "]":
      case "}":
      case "\x8f":
        return this.#pushRun(opcode, CONTAINER);
      case "I":
      case "L":
        yield* this.#bytes.number(/^\s*[+-]?[0-9][0-9a-fA-FxXoO_]*L?\s*$/);
        stack.push(VALUE);
        return false;
      case "F":
        yield* this.#bytes.number(
          /^\s*[+-]?(?:[0-9._]+(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)\s*$/i,
        );
        stack.push(VALUE);
        return false;
      case "S":
        yield* this.#bytes.quoted();
        stack.push(STRING);
        return false;
      case "V":
        yield* this.#bytes.line();
        stack.push(STRING);
        return false;
      case "K":
        return yield* this.#skipAndPush(1);
      case "M":
        return yield* this.#skipAndPush(2);
      case "J":
        return yield* this.#skipAndPush(4);
      case "G":
        return yield* this.#skipAndPush(8);
      case "U":
      case "\x8c":
        return yield* this.#skipAndPush(yield* this.#bytes.length(1), STRING);
      case "C":
      case "\x8a":
        return yield* this.#skipAndPush(yield* this.#bytes.length(1));
      case "T":
      case "X":
        return yield* this.#skipAndPush(yield* this.#bytes.length(4), STRING);
      case "B":
      case "\x8b":
        return yield* this.#skipAndPush(yield* this.#bytes.length(4));
      case "\x8d":
        return yield* this.#skipAndPush(yield* this.#bytes.length(8), STRING);
      case "\x8e":
      case "\x96":
        return yield* this.#skipAndPush(yield* this.#bytes.length(8));
      case "\x85":
        return this.#gather(1);
      case "\x86":
        return this.#gather(2);
      case "\x87":
        return this.#gather(3);
      case "t":
      case "l":
      case "d":
      case "\x91":
        stack.popToMark();
        stack.push(CONTAINER);
        return false;
      case "a":
        stack.pop();
        return this.#change();
      case "s":
        stack.pop();
        stack.pop();
        return this.#change();
      case "e":
      case "u":
      case "\x90":
        stack.popToMark();
        return this.#change();
      case "b":
        stack.pop();
        return this.#change();
      case "c":
        return yield* this.#global();
      case "\x93":
        if (stack.pop() !== STRING || stack.pop() !== STRING) throw new NoPickle();
        // No text has this byte: importing is enough.
        return true;
      case "i": {
        const module = yield* this.#bytes.line();
        const name = yield* this.#bytes.line();
        stack.popToMark();
        if (!isModule(module) || !isModule(name)) throw new NoPickle();
        return true;
      }
      case "o":
        if (!isImported(stack.popToMark())) throw new NoPickle();
        return true;
      case "R":
      case "\x81":
        stack.pop();
        return this.#call();
      case "\x92":
        stack.pop();
        stack.pop();
        return this.#call();
      case "\x82":
        return yield* this.#extension(1);
      case "\x83":
        return yield* this.#extension(2);
      case "\x84":
        return yield* this.#extension(4);
      case "p":
        this.#put(yield* this.#bytes.place());
        return false;
      case "q":
        this.#put(String(yield* this.#bytes.length(1)));
        return false;
      case "r":
        this.#put(String(yield* this.#bytes.length(4)));
        return false;
      case "\x94":
        this.#put(String(this.#memo.size));
        return false;
      case "g":
        return this.#get(yield* this.#bytes.place());
      case "h":
        return this.#get(String(yield* this.#bytes.length(1)));
      case "j":
        return this.#get(String(yield* this.#bytes.length(4)));
      case "\x80":
        if ((yield* this.#bytes.byte()) > HIGHEST_PROTOCOL) throw new NoPickle();
        this.#opcodes--;
        this.#hasHeader = true;
        return false;
      case "\x95":
        yield* this.#bytes.skip(8);
        this.#opcodes--;
        return false;
      case "\x98":
        stack.push(stack.pop());
        return false;
      default:
        // P, Q and \x97 want a loader that knows persistent ids or buffers; loads() raises.
        throw new NoPickle();
    }
  }

  /** Pushes once for each of these bytes that follow one another. */
  #pushRun(opcode: number, kind: number): boolean {
    this.#stack.push(kind, 1 + this.#bytes.countOf(opcode));
    return false;
  }

  *#skipAndPush(size: number, kind = VALUE): Generator<void, boolean, void> {
    yield* this.#bytes.skip(size);
    this.#stack.push(kind);
    return false;
  }

  #gather(count: number): boolean {
    for (let i = 0; i < count; i++) this.#stack.pop();
    this.#stack.push(CONTAINER);
    return false;
  }

  /** The top is changed: harmless for what the pickle itself has made. */
  #change(): boolean {
    const kind = this.#stack.pop();
    this.#stack.push(kind);
    return isImported(kind);
  }

  #call(): boolean {
    if (!isImported(this.#stack.pop())) throw new NoPickle();
    return true;
  }

  *#global(): Generator<void, boolean, void> {
    const module = yield* this.#bytes.line();
    const name = yield* this.#bytes.line();
    if (!isModule(module) || !isModule(name)) throw new NoPickle();
    this.#stack.push(IMPORTED);
    return this.#hasHeader;
  }

  *#extension(size: number): Generator<void, boolean, void> {
    yield* this.#bytes.skip(size);
    this.#stack.push(EXTENSION);
    return false;
  }

  #put(place: string): void {
    const kind = this.#stack.pop();
    this.#stack.push(kind);
    this.#memo.set(place, kind);
  }

  #get(place: string): boolean {
    const kind = this.#memo.get(place);
    if (kind === undefined) throw new NoPickle();
    this.#stack.push(kind);
    return false;
  }
}
