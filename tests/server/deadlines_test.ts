import type { Clock } from "../../src/platform/clock.ts";
import { Deadlines } from "../../src/server/deadlines.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("what is due expires once, what is moved or deleted does not", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => deadlines.add(() => expired.push(name)));
  for (const deadline of [a, b, c]) if (deadline) deadlines.set(deadline, 1000);
  clock.advance(900);
  if (b) deadlines.set(b, 1000);
  if (c) deadlines.delete(c);
  clock.advance(500);
  assertEquals(expired, ["a"]);
  clock.advance(5000);
  assertEquals(expired, ["a", "b"]);
});

Deno.test("without deadlines there is no timer", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const deadline = deadlines.add(() => {});
  assertEquals(clock.pending, 1);
  clock.advance(10_000);
  deadlines.delete(deadline);
  assertEquals(clock.pending, 0);
});

Deno.test("time in which the program was held up counts against nobody", () => {
  let now = 0;
  let tick: () => void = () => {};
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after: (_, action) => {
      tick = action;
      return () => {};
    },
  };
  const deadlines = new Deadlines(clock);
  let isExpired = false;
  const deadline = deadlines.add(() => isExpired = true);
  deadlines.set(deadline, 1000);
  const passes = (ms: number) => {
    now += ms;
    tick();
  };
  passes(250);
  passes(60_000);
  assertEquals(isExpired, false);
  for (let n = 0; n < 3; n++) passes(250);
  assertEquals(isExpired, true);
});
