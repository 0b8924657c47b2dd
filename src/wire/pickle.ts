/**
 * Whether bytes are a Python pickle. Their opcodes are followed and never run: what they would push and
 * take is kept as kinds, so that a text which begins like one is told apart.
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

const HIGHEST_PROTOCOL = 5;
const PROTO = 0x80;
const DOT = 0x2e;
const NEWLINE = 0x0a;
const PROTOCOL_0 = new Set(Array.from("(.012FILNRSVabcdgilopst", (char) => char.charCodeAt(0)));
/** Of a line, so many bytes are kept. No name of a module is longer. */
const LONGEST_LINE = 4096;
/** What does not fail for so many opcodes is taken for a pickle: nobody may make us work for long. */
const MOST_OPCODES = 100_000;
/** Runs of like values on the stack, and places of the memo. */
const MOST_KEPT = 65_536;

/** What lies on the stack. */
const VALUE = 0;
const MARK = 1;
/** Imported by its name. */
const IMPORTED = 2;
/** Imported by a number that somebody has registered, which hardly anybody does. */
const EXTENSION = 3;
/** A tuple, list, dictionary or set. */
const CONTAINER = 4;
const STRING = 5;

const isImported = (kind: number) => kind === IMPORTED || kind === EXTENSION;

type PickleResult = "pickle" | "data";

export function isPickle(bytes: Uint8Array): boolean {
  const scanner = new PickleScanner();
  scanner.push(bytes);
  return scanner.end();
}

/** For bytes that come in pieces. */
export class PickleScanner {
  readonly #steps: Generator<void, PickleResult, void>;
  #verdict: PickleResult | null = null;
  #isOver = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #size = 0;
  #first = -1;
  #second = -1;
  #last = -1;

  // The machine.
  readonly #stack = new Stack();
  readonly #memo = new Map<string, number>();
  #opcodes = 0;
  #hasHeader = false;
  /** Only opcodes of protocol 0 so far. */
  #isText = true;

  constructor() {
    this.#steps = this.#follow();
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
    this.#bytes = bytes;
    this.#at = 0;
    this.#step();
  }

  /** All has come. */
  end(): boolean {
    this.#isOver = true;
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

  /** Ends with `data` where loading would raise before anything was done. */
  *#follow(): Generator<void, PickleResult, void> {
    // Begun by the constructor, before there are bytes.
    yield;
    try {
      while (true) {
        const opcode = yield* this.#byte();
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
    return isMade && (yield* this.#isAtEnd()) ? "pickle" : "data";
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
        yield* this.#number(/^\s*[+-]?[0-9][0-9a-fA-FxXoO_]*L?\s*$/);
        stack.push(VALUE);
        return false;
      case "F":
        yield* this.#number(/^\s*[+-]?(?:[0-9._]+(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)\s*$/i);
        stack.push(VALUE);
        return false;
      case "S":
        yield* this.#quoted();
        stack.push(STRING);
        return false;
      case "V":
        yield* this.#line();
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
        return yield* this.#skipAndPush(yield* this.#length(1), STRING);
      case "C":
      case "\x8a":
        return yield* this.#skipAndPush(yield* this.#length(1));
      case "T":
      case "X":
        return yield* this.#skipAndPush(yield* this.#length(4), STRING);
      case "B":
      case "\x8b":
        return yield* this.#skipAndPush(yield* this.#length(4));
      case "\x8d":
        return yield* this.#skipAndPush(yield* this.#length(8), STRING);
      case "\x8e":
      case "\x96":
        return yield* this.#skipAndPush(yield* this.#length(8));
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
        const module = yield* this.#line();
        const name = yield* this.#line();
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
        this.#put(yield* this.#place());
        return false;
      case "q":
        this.#put(String(yield* this.#length(1)));
        return false;
      case "r":
        this.#put(String(yield* this.#length(4)));
        return false;
      case "\x94":
        this.#put(String(this.#memo.size));
        return false;
      case "g":
        return this.#get(yield* this.#place());
      case "h":
        return this.#get(String(yield* this.#length(1)));
      case "j":
        return this.#get(String(yield* this.#length(4)));
      case "\x80":
        if ((yield* this.#byte()) > HIGHEST_PROTOCOL) throw new NoPickle();
        this.#opcodes--;
        this.#hasHeader = true;
        return false;
      case "\x95":
        yield* this.#skip(8);
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
    const from = this.#at;
    while (this.#bytes[this.#at] === opcode) this.#at++;
    this.#stack.push(kind, 1 + this.#at - from);
    return false;
  }

  *#skipAndPush(size: number, kind = VALUE): Generator<void, boolean, void> {
    yield* this.#skip(size);
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
    const module = yield* this.#line();
    const name = yield* this.#line();
    if (!isModule(module) || !isModule(name)) throw new NoPickle();
    this.#stack.push(IMPORTED);
    return this.#hasHeader;
  }

  *#extension(size: number): Generator<void, boolean, void> {
    yield* this.#skip(size);
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

  // Bytes

  *#byte(): Generator<void, number, void> {
    while (this.#at >= this.#bytes.length) yield* this.#more();
    return this.#bytes[this.#at++] ?? 0;
  }

  *#more(): Generator<void, void, void> {
    if (this.#isOver) throw new NoPickle();
    yield;
  }

  *#isAtEnd(): Generator<void, boolean, void> {
    while (!this.#isOver) {
      if (this.#at < this.#bytes.length) return false;
      yield;
    }
    return this.#at >= this.#bytes.length;
  }

  /** A little-endian length. */
  *#length(size: number): Generator<void, number, void> {
    let length = 0;
    for (let i = 0; i < size; i++) length += (yield* this.#byte()) * 256 ** i;
    return length;
  }

  *#skip(size: number): Generator<void, void, void> {
    let left = size;
    while (left > 0) {
      const step = Math.min(left, this.#bytes.length - this.#at);
      this.#at += step;
      left -= step;
      if (left > 0) yield* this.#more();
    }
  }

  /** Up to a newline, which is not in it; of a long one the begin. */
  *#line(): Generator<void, TextLine, void> {
    let text = "";
    let isWhole = true;
    while (true) {
      const end = this.#bytes.indexOf(NEWLINE, this.#at);
      const part = this.#bytes.subarray(this.#at, end < 0 ? this.#bytes.length : end);
      const room = LONGEST_LINE - text.length;
      isWhole &&= part.length <= room;
      text += String.fromCharCode(...part.subarray(0, room));
      this.#at += part.length;
      if (end >= 0) {
        this.#at++;
        return { text, isWhole };
      }
      yield* this.#more();
    }
  }

  /** As C reads it: a NUL ends a number. Of a long one the begin decides. */
  *#number(pattern: RegExp): Generator<void, void, void> {
    const { text } = yield* this.#line();
    const number = text.split("\0", 1)[0] ?? "";
    if (number !== "" && !pattern.test(number)) throw new NoPickle();
  }

  *#place(): Generator<void, string, void> {
    const { text, isWhole } = yield* this.#line();
    const number = (text.split("\0", 1)[0] ?? "").trim();
    if (!/^\+?[0-9_]+$/.test(number)) throw new NoPickle();
    // Thousands of digits have no other purpose.
    if (!isWhole) throw new LikelyPickle();
    return BigInt(number.replace(/[+_]/g, "") || "0").toString();
  }

  *#quoted(): Generator<void, void, void> {
    const { text, isWhole } = yield* this.#line();
    const pattern = isWhole ? /^(["']).*\1\s*$/s : /^["']/;
    if (!pattern.test(text)) throw new NoPickle();
  }
}

interface TextLine {
  readonly text: string;
  readonly isWhole: boolean;
}

/** Loading it raises before it has done anything. */
class NoPickle extends Error {}

class LikelyPickle extends Error {}

/** A module or an attribute, as `import` could find it. In Latin-1, bytes above 0x7f may be letters. */
function isModule({ text, isWhole }: TextLine): boolean {
  return isWhole && /^[A-Za-z_\x80-\xff][\w.\x80-\xff]*$/.test(text);
}

/** Kinds of values, in runs: a megabyte of the same opcode takes no memory. */
class Stack {
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
