import { comingTimes } from "../../src/schedule/upcoming.ts";
import { jitterOffset } from "../../src/schedule/jitter.ts";
import { assertEquals } from "../support/assert.ts";
import { jobOf } from "../support/jobs.ts";

const NOW = Date.UTC(2026, 10, 23, 9, 30);
const coming = (line: string, last: number | null = null) =>
  comingTimes(jobOf(line), { host: "host", now: NOW, last }, 2)
    .map((at) => new Date(at).toISOString().slice(5, 19));

Deno.test("the coming times of a cron job follow its zone", () => {
  assertEquals(coming("cron2 = minute=0,hour=12,tz=Asia/Kathmandu x"), [
    "11-24T06:15:00",
    "11-25T06:15:00",
  ]);
});

Deno.test("a timer goes on from its last slot, or counts from now", () => {
  assertEquals(coming("timer2 = every=1h x"), ["11-23T10:30:00", "11-23T11:30:00"]);
  assertEquals(coming("timer2 = every=1h x", NOW - 50 * 60_000), [
    "11-23T09:40:00",
    "11-23T10:40:00",
  ]);
});

Deno.test("a timer with iterations has no more times than these", () => {
  assertEquals(coming("timer2 = every=1h,iterations=1 x"), ["11-23T10:30:00"]);
});

Deno.test("what never comes has no times", () => {
  assertEquals(coming("cron = 0 0 30 2 * x"), []);
  assertEquals(coming("cron = @reboot x"), []);
});

Deno.test("this host's jitter is part of the times", () => {
  const job = jobOf("cron2 = minute=0,jitter=1h,name=job x");
  const [first] = comingTimes(job, { host: "host", now: NOW, last: null }, 1);
  const offset = jitterOffset("host", "job", 3_600_000);
  assertEquals(((first ?? 0) - offset) % 3_600_000, 0);
});
