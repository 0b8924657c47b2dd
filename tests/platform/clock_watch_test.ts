import { CHECK_EVERY_MS, ClockWatch, timeSinceBoot } from "../../src/platform/clock_watch.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const DAY_MS = 86_400_000;

function watched() {
  const clock = new FakeClock();
  const jumps: number[] = [];
  let suspendedMs = 0;
  const watch = new ClockWatch({
    clock,
    elapsed: () => clock.monotonic() + suspendedMs,
    jumped: (byMs) => jumps.push(byMs),
  });
  const suspend = (ms: number) => {
    suspendedMs += ms;
    clock.set(clock.now() + ms);
  };
  return { clock, jumps, watch, suspend };
}

Deno.test("a wall clock that is set is noticed once, with how far", () => {
  const { clock, jumps, watch } = watched();
  clock.advance(10 * CHECK_EVERY_MS);
  assertEquals(jumps, []);
  clock.set(clock.now() + DAY_MS);
  clock.advance(CHECK_EVERY_MS);
  clock.advance(CHECK_EVERY_MS);
  clock.set(clock.now() - DAY_MS);
  // Who is about to trust the clock need not wait.
  watch.check();
  watch.check();
  assertEquals(jumps, [DAY_MS, -DAY_MS]);
  watch.stop();
  assertEquals(clock.pending, 0);
});

Deno.test("neither a suspend nor a clock that is slewed is a jump", () => {
  const { clock, jumps, watch, suspend } = watched();
  suspend(DAY_MS);
  clock.advance(CHECK_EVERY_MS);
  for (let turn = 0; turn < 100; turn++) {
    clock.set(clock.now() + 1500);
    watch.check();
    clock.set(clock.now() - 1500);
    clock.advance(CHECK_EVERY_MS);
  }
  assertEquals(jumps, []);
  watch.stop();
});

Deno.test("time since the machine was started grows with the clock", () => {
  const elapsed = timeSinceBoot(new FakeClock());
  const [first, second] = [elapsed(), elapsed()];
  assert(first >= 0 && second >= first && second - first < 60_000);
});
