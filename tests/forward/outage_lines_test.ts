import { OutageLines } from "../../src/forward/outage_lines.ts";
import { assert, assertEquals } from "../support/assert.ts";

const DAY_S = 86_400;

Deno.test("a reason that changes has a line, one that stays has none", () => {
  const lines = new OutageLines();
  const reasons = ["refused", "refused", ...Array<string>(9).fill("hangs up at pings"), "refused"];
  const said = reasons.filter((reason, second) => lines.isWanted(reason, 1000 * second));
  assertEquals(said, ["refused", "hangs up at pings", "refused"]);
  assert(lines.isEndWanted());
  assert(!lines.isEndWanted());
});

Deno.test("reasons that take turns are logged ever more rarely", () => {
  const lines = new OutageLines();
  let count = 0;
  for (let second = 0; second < DAY_S; second++) {
    if (lines.isWanted(second % 2 ? "odd" : "even", 1000 * second)) count++;
  }
  assert(count > 20 && count < 200, `${count} lines a day`);
});

Deno.test("a target that goes up and down all the time has a line ever more rarely", () => {
  const lines = new OutageLines();
  let count = 0;
  for (let second = 0; second < DAY_S; second += 0.1) {
    if (lines.isWanted("it hung up", 1000 * second)) count++;
    if (lines.isEndWanted()) count++;
  }
  assert(count > 100 && count < 400, `${count} lines a day`);
});

Deno.test("after a long time without one, a failure has its line at once", () => {
  const lines = new OutageLines();
  for (let second = 0; second < 3600; second++) {
    lines.isWanted(String(second), 1000 * second);
    lines.isEndWanted();
  }
  assert(lines.isWanted("anew", 2 * DAY_S * 1000));
  lines.isEndWanted();
  assert(lines.isWanted("anew", 2 * DAY_S * 1000 + 500));
});
