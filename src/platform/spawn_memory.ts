/**
 * Arguments and environment of a process that is about to be started, as C has them. What it takes over of this
 * program's environment is pointed to where libc has it, and not copied.
 */

import { fixedBytes } from "./memory.ts";
import { nameToBytes } from "./name.ts";

/** What a process is given. */
export interface StartedWith {
  /** The first is the name by which it is called. */
  readonly args: readonly string[];
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
}

const POINTER_SIZE = 8;
const SMALLEST = 16 * 1024;
const HALF = 2 ** 32;
/** Of a character, in UTF-8. */
const MOST_BYTES = 3;

export class SpawnMemory {
  #text = fixedBytes(SMALLEST);
  #textAt = addressOf(this.#text);
  readonly #argv = new Pointers();
  readonly #envp = new Pointers();
  readonly #own: OwnVariables;

  /** @param environ where libc keeps the pointer to the environment */
  constructor(environ: Deno.PointerValue) {
    this.#own = new OwnVariables(environ);
  }

  /**
   * What it returns is good until the next call.
   *
   * @throws {TypeError} for a text with a NUL, which would be cut there
   */
  fill(
    { args, env }: StartedWith,
  ): { argv: Uint8Array<ArrayBuffer>; envp: Uint8Array<ArrayBuffer> } {
    const texts = [...args];
    for (const [name, value] of Object.entries(env)) {
      if (value !== null) texts.push(`${name}=${value}`);
    }
    this.#write(texts);
    const own = this.#own.read();
    this.#argv.begin(args.length);
    this.#envp.begin(own.length + texts.length);
    let at = 0;
    for (let n = 0; n < texts.length; n++) {
      (n < args.length ? this.#argv : this.#envp).add(this.#textAt + at);
      at = this.#text.indexOf(0, at) + 1;
    }
    for (const { address, name } of own) {
      if (!Object.hasOwn(env, name)) this.#envp.add(address);
    }
    return { argv: this.#argv.end(), envp: this.#envp.end() };
  }

  /** All at once, each with a NUL behind it: a call for each would take longer than all else here. */
  #write(texts: readonly string[]): void {
    const text = `${texts.join("\0")}\0`;
    if (text.split("\0").length !== texts.length + 1) {
      throw new TypeError("a command and its environment cannot hold a NUL");
    }
    if (MOST_BYTES * text.length > this.#text.length) {
      this.#text = fixedBytes(2 * MOST_BYTES * text.length);
      this.#textAt = addressOf(this.#text);
    }
    nameToBytes(text, this.#text);
  }
}

/** A variable of this program. */
interface OwnVariable {
  readonly address: number;
  /** Empty where its text cannot be read. */
  readonly name: string;
}

/**
 * The strings of this program's own environment. They stay where they are: libc never frees one, and gives a
 * variable that is set another one. So where all pointers are as before nothing has changed.
 */
class OwnVariables {
  #known: OwnVariable[] = [];
  /** As they were the last time, with the null behind them. */
  #words = new Uint32Array(2);
  #now = new Uint32Array(2);

  constructor(private readonly environ: Deno.PointerValue) {}

  read(): readonly OwnVariable[] {
    if (this.environ === null) return [];
    const list = new Deno.UnsafePointerView(this.environ).getPointer();
    if (list === null) return [];
    const view = new Deno.UnsafePointerView(list);
    // What is there now is no shorter than what was: its end comes last.
    view.copyInto(new Uint8Array(this.#now.buffer));
    if (!this.#now.every((word, n) => word === this.#words[n])) this.#readAnew(view);
    return this.#known;
  }

  #readAnew(view: Deno.UnsafePointerView): void {
    this.#known = [];
    for (let n = 0;; n++) {
      const address = Number(view.getBigUint64(n * POINTER_SIZE));
      if (address === 0) break;
      this.#known.push({ address, name: nameAt(address) });
    }
    this.#words = new Uint32Array(2 * (this.#known.length + 1));
    this.#now = new Uint32Array(this.#words.length);
    view.copyInto(new Uint8Array(this.#words.buffer));
  }
}

function nameAt(address: number): string {
  const pointer = Deno.UnsafePointer.create(BigInt(address));
  if (pointer === null) return "";
  try {
    const text = new Deno.UnsafePointerView(pointer).getCString();
    return text.slice(0, Math.max(0, text.indexOf("=")));
  } catch {
    return "";
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): number {
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/** A list of pointers that ends with a null. */
class Pointers {
  #words = new Uint32Array(new ArrayBuffer(SMALLEST));
  #count = 0;

  begin(most: number): void {
    this.#count = 0;
    const size = (most + 1) * POINTER_SIZE;
    if (size > this.#words.byteLength) this.#words = new Uint32Array(new ArrayBuffer(2 * size));
  }

  /** An address is below 2^53. */
  add(address: number): void {
    const at = 2 * this.#count++;
    this.#words[at] = address % HALF;
    this.#words[at + 1] = address / HALF;
  }

  end(): Uint8Array<ArrayBuffer> {
    this.add(0);
    return new Uint8Array(this.#words.buffer);
  }
}
