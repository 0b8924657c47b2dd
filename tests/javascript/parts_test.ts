/** The pure parts of the JavaScript worker. */

import fc from "fast-check";
import { decodeVars, encodePacket, HEADER_SIZE, textVar } from "../../src/wire/packet.ts";
import { Functions, meaningOf } from "../../workers/javascript/functions.ts";
import { TaskContext } from "../../workers/javascript/context.ts";
import { SourceMap } from "../../workers/javascript/source_map.ts";
import { readVars } from "../../workers/javascript/vars.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("vars are read as src/wire/packet.ts reads them; broken ones are refused as there", () => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const expected = (bytes: Uint8Array) => {
    try {
      const pairs = decodeVars(bytes).map((
        { name, value },
      ) => [decoder.decode(name), decoder.decode(value)]);
      return Object.fromEntries(pairs);
    } catch {
      return null;
    }
  };
  const compare = (bytes: Uint8Array) => {
    const read = readVars(bytes, 0, bytes.length);
    assertEquals(read === null ? null : { ...read }, expected(bytes));
  };
  const name = fc.string({ minLength: 1, maxLength: 200, unit: "grapheme" })
    .filter((each) => each !== "__proto__");
  const pairs = fc.array(fc.tuple(name, fc.string({ maxLength: 300, unit: "grapheme" })));
  fc.assert(fc.property(pairs, (given) => {
    compare(
      encodePacket(given.map(([key, value]) => textVar(key, value)), 17).subarray(HEADER_SIZE),
    );
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), compare));
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 })),
      (bytes) => compare(Uint8Array.from(bytes)),
    ),
  );
});

Deno.test("a var may have the name of something every object has", () => {
  const packet = encodePacket([textVar("__proto__", "a"), textVar("constructor", "b")], 17);
  const vars = readVars(packet, HEADER_SIZE, packet.length) ?? {};
  assertEquals(Object.entries(vars), [["__proto__", "a"], ["constructor", "b"]]);
});

Deno.test("what a result means", () => {
  const kinds = (results: unknown[]) => results.map((each) => meaningOf(each).kind);
  assertEquals(kinds([undefined, null, -2]), ["done", "done", "done"]);
  assertEquals(kinds([0]), ["ignored"]);
  assertEquals(kinds([-1, 1, true, false, "", {}, NaN]), Array(7).fill("retry"));
  assertEquals(meaningOf("x", "-2").kind, "done");
  assertEquals(meaningOf(undefined, "0").kind, "ignored");
  assertEquals(meaningOf(undefined, "nonsense"), {
    kind: "retry",
    reason: "returned nonsense, which means SPOOL_RETRY",
  });
});

Deno.test("exports that are functions are tasks, classes and values are not", () => {
  const functions = new Functions();
  const first = () => 1;
  const second = async () => {};
  functions.add({ first, value: 5, Class: class {}, default: first }, "a.ts");
  functions.add({ first: second, second }, "b.ts");
  assertEquals(functions.names, ["first", "second"]);
  assertEquals(functions.named("first"), [first, second]);
  assertEquals(functions.catchAll, [first]);
  assertEquals(functions.origins, { first: "a.ts, b.ts", default: "a.ts", second: "b.ts" });
  assertEquals(functions.named("Class"), []);
});

Deno.test("a source map leads back to the original place", () => {
  // Two lines: 1:1 from 3:5, 1:11 from 3:9; the second from 1:1 on.
  const map = new SourceMap("AAEI,UAAI;AAFJ");
  assertEquals(map.original({ line: 1, column: 1 }), { line: 3, column: 5 });
  assertEquals(map.original({ line: 1, column: 10 }), { line: 3, column: 5 });
  assertEquals(map.original({ line: 1, column: 12 }), { line: 3, column: 9 });
  assertEquals(map.original({ line: 2, column: 4 })?.line, 1);
  assertEquals(map.original({ line: 3, column: 1 }), null);
});

Deno.test("what a task says of its progress after its end is not sent: it would be the next one's", () => {
  for (const isFirst of [true, false]) {
    const sent: unknown[] = [];
    const output = { print: () => {} } as unknown as ConstructorParameters<typeof TaskContext>[5];
    const context = new TaskContext("a", "a", "f", 1, {}, output, (args) => sent.push(args));
    if (isFirst) context.progress(1);
    context.end();
    context.progress(2);
    assertThrows(() => context.progress(NaN), TypeError, "progress needs numbers: NaN");
    assertEquals(sent, isFirst ? [{ task: "a", done: 1 }] : []);
  }
});
