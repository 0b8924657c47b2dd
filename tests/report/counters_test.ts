/** What is counted of events, and that the memory for it has a bound. */

import { EventCounters, MOST_FUNCTIONS, OTHER } from "../../src/report/counters.ts";
import type { Event } from "../../src/report/event.ts";
import { BOUNDS, Histogram } from "../../src/report/histogram.ts";
import { MinuteCount } from "../../src/report/minute_count.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const done = (func: string, tookMs = 1): Event => ({
  type: "task.settled",
  ...{ spool: "s", task: "t", func, fate: { kind: "done" }, tookMs, attempt: 1, waitMs: 1 },
});

Deno.test("functions beyond a number are counted together", () => {
  const counters = new EventCounters({ clock: new FakeClock() });
  for (let i = 0; i < 3 * MOST_FUNCTIONS; i++) counters.note(done(`f${i}`));
  counters.note(done("f0"));
  const functions = counters.spools.get("s")?.functions;
  assertEquals(functions?.size, MOST_FUNCTIONS + 1);
  assertEquals(functions?.get("f0")?.fates.get("done"), 2);
  assertEquals(functions?.get(OTHER)?.fates.get("done"), 2 * MOST_FUNCTIONS);
});

Deno.test("refusals are counted by kind, those without a line of their own among them", () => {
  const counters = new EventCounters({ clock: new FakeClock() });
  counters.note({ type: "packet.refused", from: "p", kind: "full", reason: "no room" });
  counters.note({ type: "packets.refused", counts: [["full", 4], ["denied", 2]], windowMs: 1 });
  assertEquals([...counters.refused], [["full", 5], ["denied", 2]]);
});

Deno.test("the last twenty warnings are kept, masked", () => {
  const mask = (text: string) => text.replaceAll("hunter2", "***");
  const masking = { mask, maskKnown: mask };
  const counters = new EventCounters({ clock: new FakeClock(), masking });
  for (let i = 0; i < 30; i++) {
    counters.note({ type: "config.warning", message: `${i} hunter2` });
    counters.note({ type: "listener.opened", address: "a" });
  }
  assertEquals(counters.warnings.length, 20);
  assertEquals(counters.warnings[0]?.text, "warning: 10 ***");
});

Deno.test("a job's runs are counted, and its last success is remembered", () => {
  const clock = new FakeClock();
  const counters = new EventCounters({ clock });
  const ended = (ok: boolean): Event => ({
    type: "job.ended",
    job: "j",
    slot: 0,
    attempt: 1,
    exit: "",
    ok,
    tookMs: 1,
  });
  counters.note(ended(true));
  const at = clock.now();
  clock.advance(5000);
  counters.note(ended(false));
  counters.note({ ...ended(false), killed: true } as Event);
  assertEquals(counters.jobs.get("j"), { ok: 1, failed: 1, killed: 1, lastSuccessAt: at });
});

Deno.test("a minute's count forgets what is older", () => {
  const count = new MinuteCount();
  count.add(500, 3);
  count.add(30_000);
  assertEquals(count.total(59_999), 4);
  assertEquals(count.total(60_001), 1);
  assertEquals(count.total(95_000), 0);
  count.add(10_000_000);
  assertEquals(count.total(10_000_000), 1);
});

Deno.test("a histogram's buckets add up", () => {
  const histogram = new Histogram();
  for (const seconds of [0, 0.001, 0.2, 10_000]) histogram.add(seconds);
  const counts = histogram.cumulative();
  assertEquals(counts.length, BOUNDS.length + 1);
  assertEquals([counts[0], counts[BOUNDS.indexOf(0.25)], counts.at(-2), counts.at(-1)], [
    2,
    3,
    3,
    4,
  ]);
  assert(Math.abs(histogram.sum - 10_000.201) < 1e-9);
});

Deno.test("a run that asks to go on later, or that an operator ends, is no failure", () => {
  const counters = new EventCounters({ clock: new FakeClock() });
  const reason = "r";
  const fates = [
    { kind: "deferred", dueAt: 0, reason, asked: true },
    { kind: "failed", reason, killed: true },
    { kind: "removed", reason },
    { kind: "ready", reason },
    { kind: "deferred", dueAt: 0, reason },
    { kind: "failed", reason },
  ] as const;
  for (const fate of fates) counters.note({ ...done("f"), fate } as Event);
  assertEquals(counters.spools.get("s")?.functions.get("f")?.failures, 2);
});
