import type { Due, Rhythm, Time } from "../../src/schedule/due.ts";
import { rhythmOf } from "../../src/schedule/rhythm.ts";
import { Ticker, timeOf } from "../../src/schedule/ticker.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { jobsOf } from "../support/jobs.ts";

function started(...lines: string[]) {
  const clock = new FakeClock(Date.UTC(2026, 10, 23, 9, 30, 30));
  const found: string[] = [];
  let asked = 0;
  const counted = (rhythm: Rhythm): Rhythm => ({
    durable: rhythm.durable,
    take(time: Time): Due {
      asked++;
      return rhythm.take(time);
    },
    wait: (time) => rhythm.wait(time),
  });
  const ticked = (...lines: string[]) =>
    jobsOf(...lines).map((job) => ({
      job: job.name,
      rhythm: counted(
        rhythmOf(job, null, { host: "h", boot: "b" }, timeOf(clock)),
      ),
    }));
  const ticker = new Ticker<string>({
    clock,
    due: (jobs) => found.push(jobs.map(({ job }) => job).join("+")),
  });
  ticker.watch(ticked(...lines));
  return { clock, ticker, ticked, found, asked: () => asked };
}

Deno.test("what is due at once comes at once", () => {
  const { clock, found } = started(
    "timer2 = every=2s,name=two x",
    "timer2 = every=3s,name=three x",
  );
  clock.advance(6000);
  assertEquals(found, ["two", "three", "two", "two+three"]);
});

Deno.test("there is one timer, and it goes off when a job is due and not before", () => {
  const { clock, found, asked } = started("timer2 = every=30m,name=slow x");
  clock.advance(2 * 3_600_000);
  assertEquals(found.length, 4);
  // Once at the start, once for each run.
  assertEquals(asked(), 5);
  assertEquals(clock.pending, 1);
});

Deno.test("a thousand jobs need one timer", () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `cron = ${i % 60} * * * * job ${i}`);
  const { clock, found, asked } = started(...lines);
  assertEquals(clock.pending, 1);
  clock.advance(29_999);
  assertEquals([found.length, asked()], [1, 1000]);
  clock.advance(1);
  assertEquals([found.length, asked()], [2, 2000]);
});

Deno.test("a stopped ticker leaves no timer behind", () => {
  const { clock, ticker } = started("timer2 = every=2s x");
  ticker.stop();
  assertEquals(clock.pending, 0);
});

Deno.test("other jobs take the place of those that were watched, with one timer still", () => {
  const { clock, ticker, ticked, found } = started("timer2 = every=2s,name=old x");
  clock.advance(3000);
  ticker.watch(ticked("timer2 = every=3s,name=new x"));
  assertEquals(clock.pending, 1);
  clock.advance(6000);
  assertEquals(found, ["old", "new", "new"]);
  ticker.watch([]);
  assertEquals(clock.pending, 0);
});

Deno.test("a stopped ticker watches nothing more", () => {
  const { clock, ticker, ticked, found } = started();
  ticker.stop();
  ticker.watch(ticked("timer2 = every=2s,at-start=1 x"));
  assertEquals([clock.pending, found], [0, []]);
});

Deno.test("with nothing that is ever due there is no timer", () => {
  assertEquals(started("timer2 = every=2s,iterations=1 x").clock.pending, 1);
  assertEquals(started("cron = 0 0 30 2 * x").clock.pending, 0);
});
