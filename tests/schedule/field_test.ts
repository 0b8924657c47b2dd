import {
  DAY,
  type FieldRange,
  HOUR,
  MINUTE,
  MONTH,
  parseField,
  WEEKDAY,
} from "../../src/schedule/field.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const VALUES: [FieldRange, string, string][] = [
  [MINUTE, "5", "5"],
  [MINUTE, "05", "5"],
  [HOUR, "-1", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"],
  [MINUTE, "-15", "0 15 30 45"],
  [DAY, "-10", "10 20 30"],
  [DAY, "*/10", "1 11 21 31"],
  [MONTH, "-2", "2 4 6 8 10 12"],
  [MONTH, "*/2", "1 3 5 7 9 11"],
  [DAY, "-60", ""],
  [HOUR, "6-10", "6 7 8 9 10"],
  [HOUR, "8-18/5", "8 13 18"],
  [MINUTE, "0,30", "0 30"],
  [MINUTE, "1-3,50,*/20", "0 1 2 3 20 40 50"],
  [MONTH, "jan,Mar-MAY", "1 3 4 5"],
  [WEEKDAY, "mon-fri", "1 2 3 4 5"],
  [WEEKDAY, "fri-sun", "5 6 7"],
  [WEEKDAY, "sun-tue", "0 1 2"],
];

for (const [range, text, values] of VALUES) {
  Deno.test(`${range.name} ${text} is ${values || "nothing"}`, () => {
    assertEquals([...parseField(text, range).values].join(" "), values);
  });
}

Deno.test("only -n and a leading * leave a field free", () => {
  const free = (text: string) => parseField(text, DAY).free;
  assertEquals(["-1", "-3", "*", "*/2", "*,5"].map(free), [true, true, true, true, true]);
  assertEquals(["1", "1-31", "1,*"].map(free), [false, false, false]);
});

const REFUSED: [FieldRange, string, string][] = [
  [MINUTE, "60", "0 to 59"],
  [HOUR, "24", "0 to 23"],
  [DAY, "0", "1 to 31"],
  [WEEKDAY, "8", "a name such as mon"],
  [HOUR, "22-2", "22-23,0-2"],
  [MINUTE, "5/15", "5-59/15"],
  [MINUTE, "*/0", "a step of 1 or more"],
  [MINUTE, "*/x", "a step of 1 or more"],
  [MINUTE, "-0", "-n (every n)"],
  [MINUTE, "1,,2", '""'],
  [MINUTE, "*-5", '"*-5"'],
  [MINUTE, "5-", '"5-"'],
  [MINUTE, "0~59", "jitter="],
  [DAY, "L", 'does not know "L"'],
  [WEEKDAY, "5#3", 'does not know "#"'],
  [MONTH, "feber", '"feber"'],
  [MINUTE, "1.5", '"1.5"'],
  [MINUTE, "", '""'],
];

for (const [range, text, part] of REFUSED) {
  Deno.test(`${range.name} "${text}" is refused`, () => {
    assertThrows(() => parseField(text, range), SyntaxError, part);
  });
}
