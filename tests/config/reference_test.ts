import { findReference, resolvePlaceholder } from "../../src/config/reference.ts";
import { assertEquals } from "../support/assert.ts";

const keyIn = (text: string, from = 0) => findReference(text, "%", from)?.key;

Deno.test("a reference is a symbol, a parenthesis, a key and a parenthesis", () => {
  assertEquals(findReference("a%(b)c", "%"), { key: "b", start: 1, end: 5 });
  assertEquals([keyIn("%()"), keyIn("% (a)"), keyIn("%(a"), keyIn("$(a)")], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("of nested references the innermost comes first; parentheses pair up", () => {
  assertEquals(keyIn("%(a%(b))"), "b");
  assertEquals(keyIn("%(a(b)c)"), "a(b)c");
});

Deno.test("a remainder does not start a reference", () => {
  assertEquals([keyIn("%(a % 2)"), keyIn("%(a 2 %)")], ["a % 2", "a 2 %"]);
});

const VALUES: Record<string, string> = { p: "2", q: "8", w: "12abc", big: "9223372036854775807" };
const SUMS: [string, string | undefined][] = [
  ["p", "2"],
  ["none", undefined],
  ["p q", "28"],
  ["p q + 2", "30"],
  ["q / p * 3", "12"],
  ["p - 5", "-3"],
  ["q / 0", "0"],
  ["q % 3", "2"],
  ["- 9 % 4", "-1"],
  ["q % 0", "0"],
  ["p ++", "3"],
  ["p -- q", "18"],
  ["w + 1", "13"],
  ["big ++", "-9223372036854775808"],
  ["none + 1", "1"],
  ["+", undefined],
];

for (const [sum, result] of SUMS) {
  Deno.test(`%(${sum}) is ${result ?? "nothing"}`, () => {
    const lookup = (name: string) => VALUES[name];
    // A leading operator takes the first number from nothing, which is 0.
    assertEquals(resolvePlaceholder(sum, lookup), sum === "+" ? lookup("+") : result);
  });
}
