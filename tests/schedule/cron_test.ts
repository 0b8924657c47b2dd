import { cronText, type LocalMinute, matches, parseCron } from "../../src/schedule/cron.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

// Monday, 23 November 2026, 09:30
const monday: LocalMinute = { minute: 30, hour: 9, day: 23, month: 11, weekday: 1 };

const CASES: [string, boolean, string][] = [
  ["-1 -1 -1 -1 -1", true, "every minute"],
  ["30 9 23 11 -1", true, "exactly now"],
  ["31 -1 -1 -1 -1", false, "another minute"],
  ["-15 -1 -1 -1 -1", true, "every 15 minutes"],
  ["-7 -1 -1 -1 -1", false, "30 is no multiple of 7"],
  ["30 9 1 -1 1", true, "day or weekday, when both are given"],
  ["30 9 1 -1 2", false, "neither day nor weekday"],
  ["30 9 -1 -1 2", false, "weekday alone must fit"],
  ["30 9 23 -1 -2", false, "with -n for the weekday, day and weekday must both fit"],
];

for (const [spec, runs, why] of CASES) {
  Deno.test(`${spec} ${runs ? "runs" : "does not run"}: ${why}`, () => {
    assertEquals(matches(parseCron(spec.split(" ")), monday), runs);
  });
}

Deno.test("weekday 7 is Sunday, too", () => {
  const sunday = { ...monday, day: 22, weekday: 0 };
  assertEquals(matches(parseCron("30 9 -1 -1 7".split(" ")), sunday), true);
});

Deno.test("a field that uWSGI would misread is refused by name", () => {
  assertThrows(() => parseCron("0 6-10 -1 -1 -1".split(" ")), SyntaxError, "hour wants");
  assertThrows(() => parseCron("60 -1 -1 -1 -1".split(" ")), SyntaxError, "minute wants");
});

Deno.test("a spec is printed as it was written", () => {
  assertEquals(cronText(parseCron("-15 -1 1 -1 7".split(" "))), "-15 -1 1 -1 7");
});
