/** Each slot once, whatever the clocks do: all kinds of schedules under a fake clock. */

import type { Due, Rhythm } from "../../src/schedule/due.ts";
import { LONGEST_WAIT_MS } from "../../src/schedule/calendar_rhythm.ts";
import { jitterOffset } from "../../src/schedule/jitter.ts";
import { type Remembered, rhythmOf } from "../../src/schedule/rhythm.ts";
import { timeOf } from "../../src/schedule/ticker.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { jobOf } from "../support/jobs.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const HERE = { host: "host", boot: "boot-1" };

const at = (text: string) => Date.parse(text);

/** A job, its clock, and what it did. */
class Watched {
  readonly clock: FakeClock;
  readonly #rhythm: Rhythm;

  constructor(line: string, start: string, remembered: Remembered | null = null) {
    this.clock = new FakeClock(at(start));
    this.#rhythm = rhythmOf(jobOf(line), remembered, HERE, timeOf(this.clock));
  }

  take(): Due {
    return this.#rhythm.take(timeOf(this.clock));
  }

  get wait(): number | null {
    return this.#rhythm.wait(timeOf(this.clock));
  }

  /** Lets time pass as the ticker would: asks, waits as told, asks again. */
  pass(ms: number): Due[] {
    const found: Due[] = [];
    const end = this.clock.monotonic() + ms;
    while (true) {
      const due = this.take();
      if (due.kind !== "no") found.push(due);
      const left = end - this.clock.monotonic();
      const wait = this.wait ?? Infinity;
      if (wait > left) {
        this.clock.advance(left);
        return found;
      }
      this.clock.advance(wait);
    }
  }

  /** The wall times of the slots that are due within `ms`. */
  slots(ms: number): string[] {
    return this.pass(ms).map((due) => {
      assert(due.kind === "run", `${due.kind}`);
      return new Date(due.slot).toISOString().slice(11, 16);
    });
  }
}

const last = (slot: string): Remembered => ({ slot: at(slot), boot: "boot-1" });
const run = (slot: string, missed = 0): Due => ({ kind: "run", slot: at(slot), missed });

Deno.test("a cron job is due at each of its slots, once", () => {
  const job = new Watched("cron = */5 * * * * x", "2026-11-23T09:31:00Z");
  assertEquals(job.slots(HOUR_MS).length, 12);
  assertEquals(job.slots(10 * MINUTE_MS), ["10:35", "10:40"]);
});

Deno.test("as in uWSGI, a job that starts within a matching minute runs in it", () => {
  const job = new Watched("cron = 30 9 * * * x", "2026-11-23T09:30:40Z");
  assertEquals(job.take(), run("2026-11-23T09:30Z"));
  assertEquals(job.take(), { kind: "no" });
});

Deno.test("a restart within the minute does not run a slot again", () => {
  const line = "cron = 30 9 * * * x";
  const job = new Watched(line, "2026-11-23T09:30:40Z", last("2026-11-23T09:30Z"));
  assertEquals(job.pass(HOUR_MS), []);
});

Deno.test("a restart over the start of a slot runs it while its minute lasts", () => {
  const line = "cron = 30 9 * * * x";
  const job = new Watched(line, "2026-11-23T09:30:05Z", last("2026-11-22T09:30Z"));
  assertEquals(job.take(), run("2026-11-23T09:30Z"));
});

Deno.test("without catchup, slots of a downtime are missed, and counted", () => {
  const line = "cron = 0 * * * * x";
  const job = new Watched(line, "2026-11-23T12:30Z", last("2026-11-23T08:00Z"));
  assertEquals(job.take(), { kind: "missed", slot: at("2026-11-23T12:00Z"), missed: 4 });
  assertEquals(job.slots(HOUR_MS), ["13:00"]);
});

Deno.test("with catchup, the latest slot of a downtime is made up, once", () => {
  const line = "cron2 = minute=0,catchup=1h x";
  const job = new Watched(line, "2026-11-23T12:30Z", last("2026-11-23T08:00Z"));
  assertEquals(job.take(), run("2026-11-23T12:00Z", 3));
  assertEquals(job.slots(HOUR_MS), ["13:00"]);
});

Deno.test("a slot older than catchup is not made up", () => {
  const line = "cron2 = minute=0,hour=3,catchup=1h x";
  const job = new Watched(line, "2026-11-23T04:00:01Z", last("2026-11-22T03:00Z"));
  assertEquals(job.take().kind, "missed");
});

Deno.test("a new job catches up with nothing", () => {
  const job = new Watched("cron2 = minute=0,catchup=1d x", "2026-11-23T12:30Z");
  assertEquals(job.take(), { kind: "no" });
});

Deno.test("a suspend of three hours does not fire 36 times", () => {
  const job = new Watched("cron = */5 * * * * x", "2026-11-23T09:31Z");
  assertEquals(job.slots(5 * MINUTE_MS), ["09:35"]);
  // The wall clock has moved on, the timers have not.
  job.clock.set(job.clock.now() + 3 * HOUR_MS + 2 * MINUTE_MS);
  const woken = job.pass(10 * MINUTE_MS);
  assertEquals(woken[0], { kind: "missed", slot: at("2026-11-23T12:35Z"), missed: 36 });
  assertEquals(woken.length, 3);
});

Deno.test("the end of a suspend is noticed within a minute, though the job is hours away", () => {
  const job = new Watched("cron = 0 3 * * * x", "2026-11-23T09:31Z");
  job.take();
  assertEquals(job.wait, LONGEST_WAIT_MS);
});

Deno.test("a clock set back an hour does not run a daily job twice", () => {
  const job = new Watched("cron = 0 10 * * * x", "2026-11-23T09:59Z");
  assertEquals(job.slots(3 * MINUTE_MS), ["10:00"]);
  job.clock.set(job.clock.now() - HOUR_MS);
  assertEquals(job.slots(20 * HOUR_MS), []);
  assertEquals(job.slots(10 * HOUR_MS), ["10:00"]);
});

Deno.test("a clock set back a little does not run a job of every minute twice", () => {
  const job = new Watched("cron = * * * * * x", "2026-11-23T09:59:30Z");
  assertEquals(job.slots(31 * SECOND_MS), ["09:59", "10:00"]);
  job.clock.set(job.clock.now() - 3 * SECOND_MS);
  assertEquals(job.slots(30 * SECOND_MS), []);
  assertEquals(job.slots(40 * SECOND_MS), ["10:01"]);
});

Deno.test("a clock set back an hour does not stop a job of every minute for an hour", () => {
  const job = new Watched("cron = * * * * * x", "2026-11-23T09:59:30Z");
  job.pass(MINUTE_MS);
  job.clock.set(job.clock.now() - HOUR_MS);
  assertEquals(job.pass(10 * MINUTE_MS).length, 10);
});

Deno.test("after a restart, too, a clock set back an hour repeats nothing", () => {
  const line = "cron = */30 * * * * x";
  const job = new Watched(line, "2026-11-23T09:10Z", last("2026-11-23T10:00Z"));
  assertEquals(job.slots(2 * HOUR_MS), ["10:30", "11:00"]);
});

Deno.test("a last slot from a clock that was years ahead is forgotten", () => {
  const line = "cron = */30 * * * * x";
  const job = new Watched(line, "2026-11-23T09:10Z", last("2036-11-23T10:00Z"));
  assertEquals(job.slots(HOUR_MS), ["09:30", "10:00"]);
});

for (
  const [zone, start, slots] of [
    ["UTC", "2026-03-28T12:00Z", ["02:30", "02:30", "02:30"]],
    // The gap of 02:00 to 03:00 ends at 01:00 UTC.
    ["Europe/Berlin", "2026-03-27T12:00Z", ["01:30", "01:00", "00:30"]],
    ["Europe/Berlin", "2026-10-23T12:00Z", ["00:30", "00:30", "01:30"]],
    ["America/New_York", "2026-03-07T00:00Z", ["07:30", "07:00", "06:30"]],
    ["America/New_York", "2026-10-31T00:00Z", ["06:30", "07:30", "07:30"]],
    ["Australia/Lord_Howe", "2026-10-02T02:00Z", ["16:00", "15:30", "15:30"]],
    ["Australia/Lord_Howe", "2026-04-03T02:00Z", ["15:30", "16:00", "16:00"]],
    ["Asia/Kathmandu", "2026-03-28T12:00Z", ["20:45", "20:45", "20:45"]],
  ] as const
) {
  Deno.test(`a daily job at half past two runs once a day in ${zone} from ${start} on`, () => {
    const job = new Watched(`cron2 = minute=30,hour=2,tz=${zone} x`, start);
    assertEquals(job.slots(3 * DAY_MS), [...slots]);
  });
}

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
];

/** Half past one on the night in which clocks go back: two instants, and one run. */
for (
  const [zone, start, slot] of [
    ["America/New_York", "2026-11-01T04:00Z", "05:30"],
    ["Australia/Lord_Howe", "2026-04-04T13:30Z", "14:30"],
  ] as const
) {
  Deno.test(`${zone}: in a fold a daily job runs in the first pass only, over a restart, too`, () => {
    const line = `cron2 = minute=30,hour=1,tz=${zone} x`;
    const job = new Watched(line, start);
    assertEquals(job.slots(HOUR_MS + 45 * MINUTE_MS), [slot]);
    const again = new Watched(line, new Date(job.clock.now()).toISOString(), {
      slot: at(`${start.slice(0, 11)}${slot}Z`),
      boot: "boot-1",
    });
    assertEquals(again.pass(6 * HOUR_MS), []);
  });
}

for (const zone of ZONES) {
  Deno.test(`${zone}: a clock set back an hour repeats nothing, and stops nothing for a day`, () => {
    const job = new Watched(`cron2 = minute=0,hour=*/6,tz=${zone} x`, "2026-06-15T00:10Z");
    const slots = job.slots(9 * HOUR_MS);
    assert(slots.length === 1 || slots.length === 2, slots.join(" "));
    // Half an hour behind its last slot.
    while (job.take().kind === "no") job.clock.advance(30 * SECOND_MS);
    job.clock.advance(30 * MINUTE_MS);
    job.clock.set(job.clock.now() - HOUR_MS);
    assertEquals(job.slots(3 * HOUR_MS), []);
    assertEquals(job.slots(DAY_MS).length, 4);
  });

  Deno.test(`${zone}: a suspend of three hours misses its slots and fires none of them`, () => {
    const job = new Watched(`cron2 = minute=*/5,tz=${zone} x`, "2026-06-15T00:11Z");
    assertEquals(job.slots(5 * MINUTE_MS).length, 1);
    job.clock.set(job.clock.now() + 3 * HOUR_MS + 2 * MINUTE_MS);
    const [missed, ...runs] = job.pass(10 * MINUTE_MS);
    assertEquals([missed?.kind, missed?.kind === "missed" && missed.missed], ["missed", 36]);
    assertEquals(runs.map(({ kind }) => kind), ["run", "run"]);
  });
}

Deno.test("jitter moves the start, not the slot, and is the same at every start", () => {
  const line = "cron2 = minute=0,jitter=30m,name=backup x";
  const offset = jitterOffset("host", "backup", 30 * MINUTE_MS);
  assert(offset > 0 && offset < 30 * MINUTE_MS);
  for (const start of ["2026-11-23T08:59Z", "2026-11-23T09:00Z"]) {
    const job = new Watched(line, start, last("2026-11-23T08:00Z"));
    assertEquals(job.pass(at("2026-11-23T09:00Z") + offset - at(start) - 1), []);
    job.clock.advance(1);
    assertEquals(job.take(), run("2026-11-23T09:00Z"));
  }
});

Deno.test("a timer is due at even distances, whatever the wall clock does", () => {
  const timer = new Watched("timer2 = every=500ms x", "2026-11-23T09:30Z");
  assertEquals(timer.pass(5 * SECOND_MS - 1).length, 9);
  timer.clock.set(at("2020-01-01T00:00Z"));
  assertEquals(timer.pass(5 * SECOND_MS).length, 10);
  timer.clock.set(at("2030-01-01T00:00Z"));
  assertEquals(timer.pass(5 * SECOND_MS).length, 10);
});

Deno.test("a timer that comes late runs once and keeps its grid", () => {
  const timer = new Watched("timer2 = every=10s x", "2026-11-23T09:30:00Z");
  timer.clock.advance(34 * SECOND_MS);
  assertEquals(timer.take(), run("2026-11-23T09:30:30Z", 2));
  assertEquals(timer.wait, 6 * SECOND_MS);
});

Deno.test("at-start runs at once, iterations come to an end", () => {
  const timer = new Watched("timer2 = every=10s,at-start=1,iterations=3 x", "2026-11-23T09:30Z");
  assertEquals(timer.pass(HOUR_MS).length, 3);
  assertEquals(timer.clock.monotonic(), HOUR_MS);
  assertEquals(timer.wait, null);
});

Deno.test("iterations count from each start, and so does their grid", () => {
  const line = "timer2 = every=1h,iterations=2 x";
  const timer = new Watched(line, "2026-11-23T10:00Z", last("2026-11-23T09:30Z"));
  assertEquals(timer.slots(DAY_MS), ["11:00", "12:00"]);
});

Deno.test("a long timer keeps its rhythm over a restart, a short one begins anew", () => {
  const remembered = last("2026-11-23T09:30Z");
  const daily = new Watched("timer2 = every=1d x", "2026-11-23T21:30Z", remembered);
  daily.take();
  assertEquals(daily.wait, 12 * HOUR_MS);
  const short = new Watched("timer2 = every=40s x", "2026-11-23T09:30:10Z", remembered);
  assertEquals(short.wait, 40 * SECOND_MS);
});

Deno.test("a long timer makes up the latest missed point with catchup only", () => {
  const remembered = last("2026-11-20T09:30Z");
  const plain = new Watched("timer2 = every=1d x", "2026-11-23T10:00Z", remembered);
  assertEquals(plain.take(), { kind: "no" });
  assertEquals(plain.wait, 23.5 * HOUR_MS);
  const made = new Watched("timer2 = every=1d,catchup=1h x", "2026-11-23T10:00Z", remembered);
  assertEquals(made.take(), run("2026-11-23T09:30Z", 2));
  assertEquals(made.wait, 23.5 * HOUR_MS);
});

Deno.test("a timer whose last run is in the future waits one interval at most", () => {
  const remembered = last("2027-11-23T09:30Z");
  const timer = new Watched("timer2 = every=1h x", "2026-11-23T10:00Z", remembered);
  assertEquals(timer.wait, HOUR_MS);
});

Deno.test("@reboot runs once for each start of the machine", () => {
  const first = new Watched("cron = @reboot x", "2026-11-23T09:30Z");
  assertEquals(first.pass(DAY_MS), [run("2026-11-23T09:30Z")]);
  const remembered = { slot: at("2026-11-23T09:30Z"), boot: "boot-1" };
  const again = new Watched("cron = @reboot x", "2026-11-23T09:40Z", remembered);
  assertEquals(again.pass(DAY_MS), []);
  const rebooted = { ...remembered, boot: "boot-0" };
  assertEquals(new Watched("cron = @reboot x", "2026-11-23T09:40Z", rebooted).pass(1).length, 1);
});

Deno.test("jitter spreads hosts over the window, and stays within it", () => {
  const hosts = Array.from({ length: 1000 }, (_, i) => `web${i}`);
  const offsets = hosts.map((host) => jitterOffset(host, "backup", 100));
  assert(offsets.every((offset) => offset >= 0 && offset < 100));
  const perTenth = Array.from(
    { length: 10 },
    (_, i) => offsets.filter((offset) => Math.floor(offset / 10) === i).length,
  );
  assert(perTenth.every((count) => count > 60 && count < 140), perTenth.join(" "));
});
