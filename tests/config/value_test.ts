import { parseBoolean, parseInteger, parseSeconds, surprise } from "../../src/config/value.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const INTEGERS: [string, number][] = [
  ["2", 2],
  [" +2 ", 2],
  ["2 # workers", 2],
  ["007", 7],
];

for (const [text, value] of INTEGERS) {
  Deno.test(`"${text}" is the number ${value}`, () => assertEquals(parseInteger(text, 0), value));
}

for (
  const text of [
    "",
    "abc",
    "-1",
    "1,5",
    "1.5",
    "# 2",
    "99999999999999999999",
    "0x",
    "4x",
    "5m",
    "2 x",
  ]
) {
  Deno.test(`"${text}" is no whole number ≥ 1`, () => {
    assertThrows(() => parseInteger(text, 1), SyntaxError, "needs a whole number ≥ 1");
  });
}

Deno.test("seconds have fractions and units, and a comment behind them", () => {
  assertEquals(parseSeconds("0.25", 0), 0.25);
  assertEquals(parseSeconds("10 # Frequency", 0.05), 10);
  assertEquals(["5m", "90s", "500ms", "1h # x"].map((text) => parseSeconds(text, 0)), [
    300,
    90,
    0.5,
    3600,
  ]);
  for (const text of ["0,99", "1.2.3", "", "soon", "-3", "5 apples", "5x", "5m30", "3s."]) {
    assertThrows(() => parseSeconds(text, 0), SyntaxError, "needs a number of seconds ≥ 0");
  }
});

Deno.test("only false, off, no and 0 are false, in any case, as in uWSGI", () => {
  assertEquals(["false", "OFF", "No", "0"].map(parseBoolean), [false, false, false, false]);
  assertEquals(["", "true", "1", "banana", "false # no"].map(parseBoolean), [
    true,
    true,
    true,
    true,
    true,
  ]);
});

Deno.test("a value that does not mean what it seems to is reported", () => {
  assertEquals(surprise("integer", "2 # workers"), "is read as 2");
  assertEquals(surprise("integer", "2"), undefined);
  assertEquals(surprise("seconds", "1.5s # long"), "is read as 1.5s");
  assertEquals(surprise("seconds", "1.5s"), undefined);
  assertEquals(surprise("flag", "false # no"), "is read as true");
  assertEquals(surprise("flag", "Off"), undefined);
  assertEquals(surprise("string", "/a#b"), undefined);
  assertEquals(
    surprise("string", "/a # b"),
    "keeps the text after # or ; as a part of its value; a comment needs a line of its own",
  );
});
