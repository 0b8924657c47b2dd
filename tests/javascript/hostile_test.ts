/** Task code that hurts its worker: the worker goes on, or is replaced, and blames who it was. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("libc", `${programLabel}: ${name}`, body);

test("whatever is thrown or returned becomes a text", async () => {
  await using master = await ScriptedMaster.typescript(`
const evil = () => { throw new Error("evil"); };
const values: Record<string, () => unknown> = {
  nothing: () => undefined,
  bare: () => Object.create(null),
  symbol: () => Symbol("s"),
  text: () => ({ toString: evil, valueOf: evil, [Symbol.toPrimitive]: evil }),
  message: () => Object.defineProperty(new Error("x"), "message", { get: evil }),
  name: () => Object.defineProperty(new Error("x"), "name", { get: evil }),
  stack: () => Object.defineProperty(new Error("x"), "stack", { get: evil }),
  cause: () => Object.defineProperty(new Error("x"), "cause", { get: evil }),
  odd: () => Object.assign(new Error("x"), { message: Object.create(null), stack: Symbol("y") }),
  circle: () => { const e = new Error("x"); e.cause = e; return e; },
  then: () => Object.defineProperty({}, "then", { get: evil }),
  thrower: () => ({ then: evil }),
  proxy: () => new Proxy({}, { get: evil, has: evil, getPrototypeOf: evil, ownKeys: evil }),
  revoked: () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; },
  breaking: () => ({ toString() { Array.prototype.push = evil as never; return "broke"; } }),
};
const make = (vars: Record<string, string>) => values[vars.value]();
export function throws(vars: Record<string, string>) { throw make(vars); }
export async function rejects(vars: Record<string, string>) { await null; throw make(vars); }
export function returns(vars: Record<string, string>) { return make(vars); }
export function promises(vars: Record<string, string>) { return Promise.resolve().then(() => make(vars)); }
export function forgets(vars: Record<string, string>) { Promise.reject(make(vars)); }
export const names = () => console.log(Object.keys(values).join(" "));
`);
  await master.run("names");
  const values = master.lines()[0]?.split(" ") ?? [];
  assertEquals(values.length, 15);
  for (const value of values) {
    for (const func of ["throws", "rejects"]) {
      const { kind, reason } = await master.run(func, { value });
      assertEquals(kind, "failed", `${func} ${value}`);
      assert(reason !== "", `${func} ${value}`);
    }
    for (const func of ["returns", "promises"]) {
      const { kind } = await master.run(func, { value });
      const answers = value === "nothing" ? ["done"] : ["retry", "failed"];
      assert(answers.includes(kind), `${func} ${value}: ${kind}`);
    }
    assertEquals((await master.run("forgets", { value })).kind, "done", value);
  }
  assertEquals(await master.stop(), 0);
});

test("built-in objects that a task changes are changed for tasks only", async () => {
  await using master = await ScriptedMaster.typescript(`
const holders: [object, string][] = [];
const seen = new Set<unknown>([Function.prototype]);
const collect = (holder: unknown, name: string) => {
  if ((typeof holder !== "object" && typeof holder !== "function") || holder === null) return;
  if (seen.has(holder)) return;
  seen.add(holder);
  holders.push([holder, name]);
};
const NAMES = Object.getOwnPropertyNames(globalThis).filter((name) =>
  /^[A-Z]/.test(name) && !["Deno", "Temporal"].includes(name)
);
collect(Function.prototype, "Function.prototype");
for (const name of NAMES) {
  const value = (globalThis as Record<string, any>)[name];
  collect(value, name);
  collect(value?.prototype, name + ".prototype");
}
for (const value of [[], new Map(), new Set(), "", "".matchAll(/./g)] as Iterable<unknown>[]) {
  collect(Object.getPrototypeOf(value[Symbol.iterator]()), "an iterator");
}
collect(Object.getPrototypeOf(Uint8Array.prototype), "a typed array");
collect(performance, "performance");
collect(globalThis, "globalThis");
const places = holders.flatMap(([holder, name]) =>
  Reflect.ownKeys(holder).filter((key) => {
    const { value, configurable } = Reflect.getOwnPropertyDescriptor(holder, key)!;
    return configurable && (typeof value === "function" || key === "size" || key === "length");
  }).map((key) => ({ holder, key, name: name + "." + String(key) }))
);
const broken: { holder: object; key: PropertyKey; descriptor: PropertyDescriptor }[] = [];
const { defineProperty, getOwnPropertyDescriptor } = Reflect;
function mend() {
  while (broken.length > 0) {
    const { holder, key, descriptor } = broken[broken.length - 1]!;
    broken.length--;
    defineProperty(holder, key, descriptor);
  }
}
let at = 0;
function breaks(how: unknown) {
  const place = places[at++]!;
  const { holder, key } = place;
  broken[broken.length] = { holder, key, descriptor: getOwnPropertyDescriptor(holder, key)! };
  defineProperty(holder, key, { value: how, configurable: true, writable: true });
}
const thrower = () => { throw new Error("broken"); };
const liar = () => "lie";
export function list() { console.log(places.map(({ name }) => name).join("\\n")); }
export function breaksOne() { breaks(thrower); }
export function lies() { at--; breaks(liar); }
export function quiet() {}
export async function waits() { await null; }
export function mends() { mend(); }
export function pollutes() {
  const all = Object.prototype as Record<string, unknown>;
  all.chosen = true;
  all.attempt = 7;
  all.toJSON = thrower;
  defineProperty(all, "reason", { value: thrower, configurable: true });
  (String.prototype as unknown as Record<string, unknown>).toJSON = thrower;
}
export function attempts(_vars: unknown, _body: unknown, context: { attempt: number }) {
  console.log(String(context.attempt));
}
export async function clock() {
  const { now } = Date;
  Date.now = () => 42;
  const before = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(before + " " + Date.now());
  Date.now = now;
}
`);
  await master.run("list");
  const names = master.lines();
  assert(names.length > 1000, `${names.length} functions`);
  for (const name of names) {
    for (const func of ["breaksOne", "quiet", "mends", "lies", "quiet", "waits", "mends"]) {
      const { kind } = await master.run(func).catch((error) => {
        throw new Error(`${name}, ${func}: ${error}`);
      });
      assertEquals(kind, "done", `${name}, ${func}: ${master.lines().join("\n")}`);
    }
  }
  await master.run("clock");
  assertEquals(master.lines(), ["42 42"]);
  assertEquals(await master.kinds("pollutes", "quiet", "attempts"), ["done", "done", "done"]);
  assertEquals(await master.stop(), 0);
});

test("a worker that cannot be mended ends and says why", async () => {
  await using master = await ScriptedMaster.typescript(`
export function welds() {
  Object.defineProperty(Map.prototype, "get", { value: () => 1, configurable: false });
}
`);
  const task = master.put({ ud_spool_func: "welds" });
  master.give(task);
  assertEquals((await master.child.status).code, 70);
  await master.ended();
  assertMatch(
    master.lines().join("\n"),
    /task code has replaced get of a built-in object for good/,
  );
});
