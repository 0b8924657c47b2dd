import { parseBoolean, parseInteger, parseSeconds, surprise } from "../../src/config/value.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const INTEGERS: [string, number][] = [
  ["2", 2],
  [" +2 ", 2],
  ["2 # workers", 2],
  ["4x", 4],
  ["007", 7],
];

for (const [text, value] of INTEGERS) {
  Deno.test(`"${text}" is the number ${value}`, () => assertEquals(parseInteger(text, 0), value));
}

for (const text of ["", "abc", "-1", "1,5", "1.5", "# 2", "99999999999999999999", "0x"]) {
  Deno.test(`"${text}" is no whole number ≥ 1`, () => {
    assertThrows(() => parseInteger(text, 1), SyntaxError, "wants a whole number ≥ 1");
  });
}

Deno.test("seconds have fractions, and may go on after a blank", () => {
  assertEquals(parseSeconds("0.25", 0), 0.25);
  assertEquals(parseSeconds("10 # Frequency", 0.05), 10);
  for (const text of ["0,99", "1.2.3", "", "soon", "-3"]) {
    assertThrows(() => parseSeconds(text, 0), SyntaxError, "wants a number of seconds ≥ 0");
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

Deno.test("a value that is read otherwise than it looks is a surprise", () => {
  assertEquals(surprise("integer", "2 # workers"), "is read as 2");
  assertEquals(surprise("integer", "2"), undefined);
  assertEquals(surprise("seconds", "1.5s"), "is read as 1.5");
  assertEquals(surprise("flag", "false # no"), "is read as true");
  assertEquals(surprise("flag", "Off"), undefined);
  assertEquals(surprise("string", "/a#b"), undefined);
  assertEquals(
    surprise("string", "/a # b"),
    "keeps what looks like a comment; a comment needs a line of its own",
  );
});
