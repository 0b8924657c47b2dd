/** docs/performance.md has the ratios that `deno task bench:all` compares with. */

import { bestOf, ratiosIn, readPage, tooLow } from "../bench/ratios.ts";
import { assert, assertEquals, assertThrows } from "./support/assert.ts";

const page = await Deno.readTextFile(new URL("../docs/performance.md", import.meta.url));

Deno.test("every ratio stands in one table, the worst first, some with one of the short form", () => {
  const ratios = readPage(page);
  const long = ratios.map((each) => each.long ?? NaN);
  assertEquals(long, long.toSorted((a, b) => a - b));
  assertEquals(new Set(ratios.map(({ name }) => name)).size, ratios.length);
  assert(ratios.filter(({ short }) => short !== null).length >= 5);
});

Deno.test("ratios are found in what benchmarks print, but for those of uWSGI itself", () => {
  const rows = [
    ["", "clients", "tasks/s", "to uWSGI", "worst"],
    ["uWSGI (no sync)", "1", "9", "1.00", "1.00"],
    ["durable", "1", "7", "0.75", "0.70"],
    ["durable", "8", "", "", ""],
  ];
  assertEquals(ratiosIn("door", rows), [{ name: "door: durable, 1 clients", value: 0.75 }]);
  const commands = [["`:` as handler", "ratio"], ["1 at a time", "0.50"]];
  assertEquals(ratiosIn("commands", commands), [{ name: "commands: 1 at a time", value: 0.5 }]);
});

Deno.test("what is at less than half of what the page says is too low, in the best of its runs", () => {
  const text =
    "\n## Every ratio\n\n| a | long | short |\n| - | - | - |\n| `a`: b | 1.00 | 0.40 |\n";
  const said = readPage(text);
  assertEquals(said, [{ name: "a: b", long: 1, short: 0.4 }]);
  const of = (value: number) => [{ name: "a: b", value }, { name: "unknown", value: 0 }];
  assertEquals(tooLow(of(0.2), said, "short"), []);
  assertEquals(tooLow(of(0.19), said, "short"), [{ name: "a: b", value: 0.19 }]);
  assertEquals(tooLow(of(0.49), said, "long").length, 1);
  const best = bestOf([of(0.1), of(0.3), of(0.2)]);
  assertEquals(tooLow(best, said, "short"), []);
  assertThrows(
    () => readPage("\n## Every ratio\n\n| a |\n| - |\n| b | fast | |\n"),
    Error,
    "must be a number",
  );
});
