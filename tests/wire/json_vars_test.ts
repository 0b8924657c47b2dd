import { JSON_VAR, keysOfVars, varsOfKeys } from "../../src/wire/json_vars.ts";
import { findText, textVar, type Var, varText } from "../../src/wire/packet.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const texts = (vars: readonly Var[]) =>
  Object.fromEntries(vars.map(({ name, value }) => [varText(name), varText(value)]));

Deno.test("values that are no texts arrive as they were, and an older reader sees their JSON", () => {
  const keys = { to: "ann", user: { id: 1, "ä": [null, true] }, tags: [], count: 3.5, off: false };
  const vars = varsOfKeys(keys);
  assertEquals(texts(vars), {
    ...{ to: "ann", user: '{"id":1,"ä":[null,true]}', tags: "[]", count: "3.5", off: "false" },
    spooler_json: '["user","tags","count","off"]',
  });
  assertEquals(keysOfVars(vars), keys);
});

Deno.test("texts alone need no list of what is JSON, and are never read as JSON", () => {
  const vars = varsOfKeys({ a: "1", b: '{"c":2}', gone: undefined });
  assertEquals(findText(vars, JSON_VAR), undefined);
  assertEquals(keysOfVars(vars), { a: "1", b: '{"c":2}' });
});

Deno.test("what says how a task is to be run is none of its values", () => {
  const names = ["ud_spool_func", "ud_spool_ret", "at", "priority", "spooler", "spooler_x", "own"];
  assertEquals(keysOfVars(names.map((name) => textVar(name, "1"))), { own: "1" });
});

Deno.test("a list that lies leaves the values texts", () => {
  for (const list of ['["a"]', "{", '{"a":1}', "[1,null]", '["a","missing"]', '"a"']) {
    const vars = [textVar("a", "{no json"), textVar(JSON_VAR, list)];
    assertEquals(keysOfVars(vars), { a: "{no json" }, list);
  }
  const odd = keysOfVars([textVar("__proto__", "[1]"), textVar(JSON_VAR, '["__proto__"]')]);
  assertEquals([Object.keys(odd), Object.getPrototypeOf(odd)], [["__proto__"], Object.prototype]);
});

Deno.test("a value without JSON is an error that names it", () => {
  const round: { self?: unknown } = {};
  round.self = round;
  for (const value of [() => {}, 1n, round, Symbol("x")]) {
    assertThrows(() => varsOfKeys({ bad: value }), TypeError, "the value of bad has no JSON");
  }
});
