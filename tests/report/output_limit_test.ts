import type { Event } from "../../src/report/event.ts";
import { OutputLimit } from "../../src/report/output_limit.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

function makeLimit() {
  const clock = new FakeClock();
  const events: Event[] = [];
  const limit = new OutputLimit(clock, (event) => events.push(event));
  return { clock, limit, take: () => events.splice(0) };
}

const output: Event = { type: "task.output", task: "t", func: "f", stream: "stdout", line: "y" };

Deno.test("the output of all together has a limit; what is not output passes", () => {
  const { clock, limit, take } = makeLimit();
  for (let i = 0; i < 60_000; i++) limit.take(output);
  assertEquals(take().length, 50_000);
  limit.take({ type: "program.ready" });
  assertEquals(take(), [{ type: "program.ready" }]);
  clock.advance(1000);
  limit.take(output);
  assertEquals(take(), [{ type: "output.dropped", lines: 10_000 }, output]);
});

Deno.test("the end says what is left to say", () => {
  const { limit, take } = makeLimit();
  for (let i = 0; i < 50_001; i++) limit.take(output);
  take();
  limit.close();
  limit.close();
  assertEquals(take(), [{ type: "output.dropped", lines: 1 }]);
});
