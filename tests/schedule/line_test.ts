import { parseCronLine, parseCronTime } from "../../src/schedule/line.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("the command is all that stands behind the fields, blanks and all", () => {
  const { command, timeText } = parseCronLine("*/5\t8-18 * * 1-5   echo  'a  b' # c ");
  assertEquals([command, timeText], ["echo  'a  b' # c", "*/5 8-18 * * 1-5"]);
});

Deno.test("nicknames stand for their fields, in any case", () => {
  assertEquals(parseCronLine("@Daily x").time, parseCronLine("0 0 * * * x").time);
  assertEquals(parseCronLine("@weekly x").time, parseCronLine("0 0 * * 7 x").time);
  assertEquals(parseCronLine("@annually x").time, parseCronLine("0 0 1 jan * x").time);
  assertEquals(parseCronLine("@reboot x").time, { kind: "reboot" });
});

const REFUSED: [string, string][] = [
  [
    "0 25 * * * x",
    'hour (field 2, character 3) needs numbers from 0 to 23, *, -n, a list or a range: "25"',
  ],
  ["5 4 * * /bin/x", "weekday (field 5, character 9)"],
  ["5 4 *", "five fields; month is missing"],
  ["* * * * *", "needs a command"],
  ["0 */5 * * * * x", "character 13 could be one more field"],
  ["@every 5m x", "timer2 = every=DURATION"],
  ["@sometimes x", "takes @yearly"],
  ["", "minute is missing"],
];

for (const [line, part] of REFUSED) {
  Deno.test(`"${line}" is refused`, () => {
    assertThrows(() => parseCronLine(line), SyntaxError, part);
  });
}

Deno.test("a time alone has nothing behind it", () => {
  assertEquals(parseCronTime(" @reboot "), { kind: "reboot" });
  assertThrows(() => parseCronTime("* * * * * x"), SyntaxError, "character 11");
});
