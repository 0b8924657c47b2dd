/** Jobs that the machines of a cluster share: who runs a slot, and what becomes of one that nobody can claim. */

import { ClusterSlots, type SlotClaims } from "../../src/schedule/cluster_slots.ts";
import type { Rhythm } from "../../src/schedule/due.ts";
import { rhythmOf } from "../../src/schedule/rhythm.ts";
import type { ScheduleConfig } from "../../src/schedule/settings.ts";
import { timeOf } from "../../src/schedule/ticker.ts";
import type { Event } from "../../src/report/event.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { jobOf } from "../support/jobs.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const sharedJob = (line: string) => jobOf(`${line}`, "spooler-forward = out nats://a/jobs");

/** One machine, with its own clock. */
class FakeMachine {
  readonly clock: FakeClock;
  readonly slots: string[] = [];
  readonly #rhythm: Rhythm;

  constructor(line: string, host: string, now: number) {
    this.clock = new FakeClock(now);
    const about = { host, boot: "boot" };
    this.#rhythm = rhythmOf(sharedJob(line), null, about, timeOf(this.clock));
  }

  /** Lets time pass, as the ticker does. */
  pass(ms: number): void {
    const end = this.clock.monotonic() + ms;
    for (;;) {
      const due = this.#rhythm.take(timeOf(this.clock));
      if (due.kind === "run") this.slots.push(new Date(due.slot).toISOString());
      const left = end - this.clock.monotonic();
      const wait = Math.max(1, this.#rhythm.wait(timeOf(this.clock)) ?? Infinity);
      this.clock.advance(Math.min(left, wait));
      if (left <= wait) return;
    }
  }
}

/** The slots for which three machines, some seconds apart, want to run a job. */
function slotsOfThree(line: string, start: string, ms: number): string[] {
  const skews = [-7 * SECOND_MS, 0, 4 * SECOND_MS];
  const machines = skews.map((skew, i) => {
    const machine = new FakeMachine(line, `host-${i}`, Date.parse(start) + skew);
    machine.pass(ms);
    return machine;
  });
  const [first, second, third] = machines.map(({ slots }) => slots.join("\n"));
  assertEquals(first, second);
  assertEquals(second, third);
  return machines[0]?.slots ?? [];
}

const shared = "name=a,once=cluster";
const timesOf = (slots: readonly string[]) => slots.map((slot) => slot.slice(5, 16));

Deno.test("machines whose clocks are seconds apart know a rule's slots by the same times, also where clocks change", () => {
  const berlin = `cron2 = ${shared},tz=Europe/Berlin`;
  // In this night 02:30 comes twice.
  const daily = slotsOfThree(`${berlin},minute=30,hour=2 x`, "2026-10-24T12:30:30Z", 36 * HOUR_MS);
  assertEquals(timesOf(daily), ["10-25T00:30"]);
  const hourly = slotsOfThree(`${berlin},minute=30 x`, "2026-10-24T22:45:30Z", 4 * HOUR_MS);
  assertEquals(
    timesOf(hourly),
    ["10-24T23:30", "10-25T00:30", "10-25T01:30", "10-25T02:30"],
  );
  // In this one it does not come.
  const gap = slotsOfThree(`${berlin},minute=30,hour=2 x`, "2026-03-28T12:30:30Z", 36 * HOUR_MS);
  assertEquals(timesOf(gap), ["03-29T01:00", "03-30T00:30"]);
});

Deno.test("a timer that machines share goes by the multiples of its interval, whenever each has started", () => {
  const line = `timer2 = every=10m,${shared} x`;
  const slots = slotsOfThree(line, "2026-11-27T12:03:20Z", HOUR_MS);
  assertEquals(
    timesOf(slots),
    ["12:10", "12:20", "12:30", "12:40", "12:50", "13:00"].map((time) => `11-27T${time}`),
  );
  const often = new FakeMachine(
    `timer2 = every=5s,${shared} x`,
    "host",
    Date.parse("2026-11-27T12:00:31Z"),
  );
  often.pass(10 * SECOND_MS);
  assertEquals(often.slots.map((slot) => slot.slice(17, 19)), ["30", "35", "40"]);
});

/** A cluster that may be away. */
class FakeClaims implements SlotClaims {
  isAway = false;
  asked = 0;
  readonly taken = new Map<string, string>();
  #answered: () => void = () => {};

  of(by: string): SlotClaims {
    return {
      claim: (job, slot) => {
        this.asked++;
        this.#answered();
        if (this.isAway) return Promise.reject(new Error("nobody is there"));
        const id = `${job}:${slot}`;
        if (!this.taken.has(id)) this.taken.set(id, by);
        return Promise.resolve(this.taken.get(id) === by);
      },
      close: () => {},
    };
  }

  claim(job: string, slot: number): Promise<boolean> {
    return this.of("here").claim(job, slot);
  }

  /** Resolves when somebody asks again. */
  asking(): Promise<void> {
    return new Promise((resolve) => this.#answered = resolve);
  }

  close(): void {}
}

class Slots {
  readonly clock = new FakeClock(Date.parse("2026-11-27T03:00:00Z"));
  readonly events: Event[] = [];
  readonly ran: number[] = [];
  readonly stopping = new AbortController();
  readonly claims = new FakeClaims();
  readonly slots = new ClusterSlots({
    clock: this.clock,
    emit: (event) => void this.events.push(event),
    stopping: this.stopping.signal,
    run: (_job, slot) => void this.ran.push(slot),
  });

  due(job: ScheduleConfig, slot = this.clock.now()): number {
    this.slots.due(job, slot, this.claims);
    return slot;
  }

  /** Lets time pass in steps, and what wants to ask do so. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500);
      await new Promise((turn) => setTimeout(turn));
    }
  }

  get missed() {
    return this.events.flatMap((event) => event.type === "job.missed" ? [event.missed] : []);
  }
}

const nightly = sharedJob("cron2 = hour=3,minute=0,name=a,once=cluster x");
const withCatchup = sharedJob("cron2 = hour=3,minute=0,name=a,once=cluster,catchup=6h x");

Deno.test("of several machines the first to claim a slot runs it", async () => {
  const [one, two] = [new Slots(), new Slots()];
  const claims = new FakeClaims();
  for (let slot = 0; slot < 50; slot++) {
    one.slots.due(nightly, slot, claims.of("one"));
    two.slots.due(nightly, slot, claims.of("two"));
    await Promise.all([one.slots.answered(), two.slots.answered()]);
  }
  assertEquals([...one.ran, ...two.ran].length, 50);
  assertEquals([...one.events, ...two.events], []);
});

Deno.test("a slot waits for the servers for its minute, and then counts as missed", async () => {
  const site = new Slots();
  site.claims.isAway = true;
  site.due(nightly);
  await site.pass(50 * SECOND_MS);
  assertEquals([site.ran.length, site.missed], [0, []]);
  await site.pass(11 * SECOND_MS);
  assertEquals(site.missed, [1]);
  await site.slots.answered();
  assertEquals(site.events.filter(({ type }) => type === "schedule.warning").length, 1);
});

Deno.test("with catchup= it waits for so long, and runs when they are back", async () => {
  const site = new Slots();
  site.claims.isAway = true;
  const slot = site.due(withCatchup);
  await site.pass(10 * MINUTE_MS);
  assertEquals(site.ran, []);
  site.claims.isAway = false;
  await site.pass(2 * SECOND_MS);
  assertEquals(site.ran, [slot]);
  await site.slots.answered();
});

Deno.test("a later slot takes the place of one that waits; how many were missed is said once", async () => {
  const site = new Slots();
  site.claims.isAway = true;
  const timer = sharedJob("timer2 = every=5s,name=a,once=cluster x");
  let last = 0;
  for (let i = 0; i < 4; i++) {
    last = site.due(timer);
    await site.pass(5 * SECOND_MS);
  }
  site.claims.isAway = false;
  await site.pass(2 * SECOND_MS);
  assertEquals([site.ran, site.missed], [[last], [3]]);
});

Deno.test("a stop ends the wait; what was claimed runs", async () => {
  const site = new Slots();
  site.claims.isAway = true;
  site.due(withCatchup);
  await site.pass(SECOND_MS);
  site.stopping.abort();
  await site.slots.answered();
  assertEquals(site.ran, []);

  const other = new Slots();
  other.due(nightly);
  other.stopping.abort();
  await other.slots.answered();
  assertEquals(other.ran.length, 1);
  assert(other.claims.asked === 1);
});
