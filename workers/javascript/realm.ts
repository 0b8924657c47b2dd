/**
 * Task code and the worker share the engine's built-in objects. While the worker's own code runs they
 * are as they were when it started; while task code runs they are as task code has left them.
 */

/** What the worker needs for every task, by the names that its code and that of src/ calls. */
const OFTEN: readonly (readonly [holder: object, names: readonly PropertyKey[]])[] = [
  [globalThis, ["BigInt", "Number", "Uint8Array", "DataView"]],
  [Array.prototype, ["at", "push", "shift", Symbol.iterator]],
  [iteratorPrototype([]), ["next"]],
  [DataView.prototype, ["getInt32", "getUint16", "getUint32"]],
  [Function.prototype, ["call", Symbol.hasInstance]],
  [Map.prototype, ["delete", "get", "set"]],
  [Math, ["floor", "max", "min"]],
  [Object, ["create"]],
  [Set.prototype, ["has"]],
  [String, ["fromCharCode"]],
  [String.prototype, ["indexOf", "isWellFormed", "slice"]],
  [TextDecoder.prototype, ["decode"]],
  [TextEncoder.prototype, ["encode", "encodeInto"]],
  [Object.getPrototypeOf(Uint8Array.prototype), ["indexOf", "set", "slice", "subarray"]],
];

/** Objects of which every function counts: the worker, and what it calls of Deno and Node, use them. */
const HOLDERS: readonly object[] = [
  ...[AbortController.prototype, Array, Array.prototype, ArrayBuffer, ArrayBuffer.prototype],
  ...[BigInt, BigInt.prototype, Boolean.prototype, DataView.prototype, Date, Date.prototype],
  ...[DOMException.prototype, Error, Error.prototype, EventTarget.prototype, Function.prototype],
  ...[JSON, Map, Map.prototype, Math, Number, Number.prototype, Object, Object.prototype],
  ...[Promise, Promise.prototype, Reflect, RegExp.prototype, Set, Set.prototype, String],
  ...[String.prototype, Symbol, Symbol.prototype, TextDecoder.prototype, TextEncoder.prototype],
  ...[URL, URL.prototype, Uint8Array, Uint8Array.prototype, WeakMap.prototype, WeakSet.prototype],
  ...[Object.getPrototypeOf(Uint8Array), Object.getPrototypeOf(Uint8Array.prototype)],
  ...[[], new Map(), new Set(), "", "".matchAll(/./g)].map(iteratorPrototype),
  Object.getPrototypeOf(iteratorPrototype([])),
];

/** Constructors and functions that are looked up by name. */
const GLOBALS = [
  ...["AbortController", "Array", "ArrayBuffer", "BigInt", "Boolean", "DOMException", "DataView"],
  ...[
    "Date",
    "Error",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "RangeError",
    "Reflect",
  ],
  ...["RegExp", "Set", "String", "Symbol", "TextDecoder", "TextEncoder", "TypeError", "URL"],
  ...["Uint8Array", "WeakMap", "WeakSet", "clearTimeout", "queueMicrotask", "setTimeout"],
];

/** Not there; JSON would call it. */
const ABSENT: readonly (readonly [holder: object, name: PropertyKey])[] = [
  ...[Array, Boolean, Number, String].map(({ prototype }) => [prototype, "toJSON"] as const),
];

/** Read by the worker through getters: nobody has a reason to replace them, and nobody can. */
const GETTERS: readonly (readonly [holder: object, names: readonly PropertyKey[]])[] = [
  [Map.prototype, ["size"]],
  [Set.prototype, ["size"]],
  [Object.getPrototypeOf(Uint8Array.prototype), ["buffer", "byteLength", "byteOffset", "length"]],
  [ArrayBuffer.prototype, ["byteLength"]],
];

const { defineProperty, deleteProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;

const OwnPromise = Promise;

interface Original {
  readonly holder: Record<PropertyKey, unknown>;
  readonly name: PropertyKey;
  readonly value: unknown;
  /** Null for what is not there. */
  readonly descriptor: PropertyDescriptor | null;
}

/** Something that task code has replaced. */
interface Replacement {
  readonly original: Original;
  /** What task code made of it; undefined when it was deleted. */
  readonly theirs: PropertyDescriptor | undefined;
}

class Realm {
  readonly #originals = allOriginals();
  readonly #isIntact = checkOf(this.#originals);
  readonly #often = OFTEN.flatMap(([holder, names]) => names.map((name) => original(holder, name)));
  readonly #isOftenIntact = checkOf(this.#often);
  readonly #ofEveryObject = ownKeys(Object.prototype);
  #changes: Replacement[] = [];
  #changeCount = 0;
  #isTask = false;

  constructor() {
    for (const [holder, names] of GETTERS) {
      for (const name of names) defineProperty(holder, name, { configurable: false });
    }
  }

  /** From here on the caller's code is task code's, until {@link enterWorker}. */
  enterTask(): void {
    this.#isTask = true;
    if (this.#changeCount > 0) this.#giveBack();
  }

  /** From here on it is the worker's, with what every task needs; see {@link restoreAll}. */
  enterWorker(): void {
    this.#isTask = false;
    if (!this.#isOftenIntact()) this.#restore(this.#often);
  }

  /** Before the worker does more than take the next task: everything is the engine's own. */
  restoreAll(): void {
    if (!this.#isIntact()) this.#restore(this.#originals);
    const names = ownKeys(Object.prototype);
    if (names.length > this.#ofEveryObject.length) this.#restore(this.#added(names));
  }

  /** What every object seems to have since: messages of the program would have it, too. */
  #added(names: readonly (string | symbol)[]): Original[] {
    return names.filter((name) => !this.#ofEveryObject.includes(name)).map((name) => {
      const holder = Object.prototype as unknown as Record<PropertyKey, unknown>;
      return { holder, name, value: undefined, descriptor: null };
    });
  }

  /** Runs a piece of the worker that task code calls, or the event loop. */
  asWorker<T>(action: () => T): T {
    if (!this.#isTask) return action();
    this.enterWorker();
    this.restoreAll();
    try {
      return action();
    } finally {
      this.enterTask();
    }
  }

  /** Runs a piece of task code inside of the worker's. */
  asTask<T>(action: () => T): T {
    this.enterTask();
    try {
      return action();
    } finally {
      this.enterWorker();
      this.restoreAll();
    }
  }

  #restore(originals: readonly Original[]): void {
    for (let at = 0; at < originals.length; at++) {
      const each = originals[at] as Original;
      const theirs = getOwnPropertyDescriptor(each.holder, each.name);
      if (each.descriptor === null ? theirs === undefined : theirs?.value === each.value) continue;
      const isRestored = each.descriptor === null
        ? deleteProperty(each.holder, each.name)
        : defineProperty(each.holder, each.name, each.descriptor);
      if (!isRestored) throw new RealmError(each.name);
      this.#changes[this.#changeCount++] = { original: each, theirs };
    }
  }

  #giveBack(): void {
    for (let at = 0; at < this.#changeCount; at++) {
      const { original: { holder, name }, theirs } = this.#changes[at] as Replacement;
      if (theirs === undefined) deleteProperty(holder, name);
      else defineProperty(holder, name, theirs);
    }
    this.#changeCount = 0;
  }
}

/** There is one in a process; made before any task code is loaded. */
export const realm = new Realm();

/** Makes a promise one that can be waited for as task code: `await` asks it for its constructor. */
export function ownPromise<T>(promise: Promise<T>): Promise<T> {
  defineProperty(promise, "constructor", { value: OwnPromise });
  return promise;
}

/** Task code has replaced something in a way that cannot be undone: this worker is of no more use. */
export class RealmError extends Error {
  override name = "RealmError";
  constructor(name: PropertyKey) {
    super(`task code has replaced ${String(name)} of a built-in object for good`);
  }
}

function iteratorPrototype(iterable: Iterable<unknown>): object {
  return Object.getPrototypeOf(iterable[Symbol.iterator]());
}

function original(holder: object, name: PropertyKey): Original {
  const descriptor = getOwnPropertyDescriptor(holder, name) ?? null;
  const record = holder as Record<PropertyKey, unknown>;
  return { holder: record, name, value: descriptor?.value, descriptor };
}

function allOriginals(): Original[] {
  const all = GLOBALS.map((name) => original(globalThis, name));
  for (const holder of HOLDERS) {
    for (const name of ownKeys(holder)) {
      const each = original(holder, name);
      if (typeof each.value === "function" && each.descriptor?.configurable) all.push(each);
    }
  }
  return [...all, ...ABSENT.map(([holder, name]) => original(holder, name))];
}

/**
 * A function that says whether nothing was replaced. It is put together as text, one comparison each:
 * a loop over the same list takes four times as long (26 µs for 344 of them, as text 6).
 */
function checkOf(originals: readonly Original[]): () => boolean {
  const holders = [...new Set(originals.map(({ holder }) => holder))];
  const comparisons = originals.map(({ holder, name }, at) => {
    const key = typeof name === "string" ? JSON.stringify(name) : `names[${at}]`;
    return `h${holders.indexOf(holder)}[${key}] === v${at}`;
  });
  const text = `const [${holders.map((_, at) => `h${at}`)}] = holders;
    const [${originals.map((_, at) => `v${at}`)}] = values;
    return () => ${comparisons.join(" && ")};`;
  const make = new Function("holders", "values", "names", text);
  return make(holders, originals.map(({ value }) => value), originals.map(({ name }) => name));
}
