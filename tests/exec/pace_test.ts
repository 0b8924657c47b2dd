import { BURST_BYTES, BYTES_PER_SECOND, Pace } from "../../src/exec/pace.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("a burst is read at once, a flood at its steady rate", async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  await pace.after(BURST_BYTES);
  assertEquals(clock.pending, 0);
  const waiting = pace.after(BYTES_PER_SECOND);
  assertEquals(clock.pending, 1);
  clock.advance(1000);
  await waiting;
  assertEquals(clock.pending, 0);
});

Deno.test("who was quiet may burst again", async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  await pace.after(BURST_BYTES);
  clock.advance(60_000);
  await pace.after(BURST_BYTES);
  assertEquals(clock.pending, 0);
});
