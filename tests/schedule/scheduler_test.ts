/** The schedules as a whole, on a real state file, under a fake clock. */

import { join } from "@std/path";
import type { ScheduleConfig } from "../../src/schedule/settings.ts";
import { UTC } from "../../src/platform/zone.ts";
import type { Event } from "../../src/report/event.ts";
import type { Registration } from "../../src/schedule/registration.ts";
import { readRecords } from "../../src/schedule/state_file.ts";
import { Scheduler } from "../../src/schedule/scheduler.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { jobsOf } from "../support/jobs.ts";
import { tempDir } from "../support/temp.ts";

const NOW = Date.UTC(2026, 10, 23, 9, 30, 10);

/** A program with these jobs; its commands end at once, or hang when they are called so. */
class FakeProgram {
  readonly events: Event[] = [];
  /** Signals that were raised, with the owner of their handler. */
  readonly raised: string[] = [];
  /** What handlers take their time for. */
  handling: Promise<void> = Promise.resolve();
  readonly #waits: { count: number; type: Event["type"]; resolve(): void }[] = [];
  readonly #scheduler: Scheduler;

  /** @param handlers the signals that have one */
  constructor(
    jobs: readonly ScheduleConfig[],
    statePath: string,
    readonly clock: FakeClock,
    handlers: readonly number[] = [],
  ) {
    const emit = (event: Event) => {
      this.events.push(event);
      for (const { count, type, resolve } of this.#waits) if (this.count(type) >= count) resolve();
    };
    this.#scheduler = new Scheduler({
      jobs,
      zone: UTC,
      cronHarakiriMs: null,
      onFailure: null,
      owners: ["mail", "sms"],
      statePath,
      host: "host",
      boot: "boot",
      clock,
      emit,
      abort: new AbortController().signal,
      claims: null,
      world: {
        clock,
        random: () => 0.5,
        emit,
        cwd: "/",
        env: {},
        binsh: "/bin/sh",
        shell: () => Promise.resolve({ exit: { kind: "code", code: 0 }, stderr: "" }),
        accounts: new Map(),
        signals: {
          has: (signal) => handlers.includes(signal),
          raise: (signal, owner, { begun }) => {
            begun();
            this.raised.push(`${signal} of ${owner}`);
            return this.handling;
          },
        },
        put: () => Promise.resolve("task"),
      },
    });
  }

  start(): Promise<void> {
    return this.#scheduler.start();
  }

  register(owner: string, ...registrations: Registration[]): Promise<void> {
    return this.#scheduler.register(owner, registrations);
  }

  stop(): Promise<void> {
    return this.#scheduler.stop();
  }

  count(type: Event["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** Resolves when so many events of the type have come, and what follows them has happened. */
  async until(count: number, type: Event["type"] = "job.ended"): Promise<void> {
    if (this.count(type) < count) {
      await new Promise<void>((resolve) => this.#waits.push({ count, type, resolve }));
    }
    await new Promise((turn) => setTimeout(turn));
  }
}

Deno.test("a restart within the minute runs nothing twice, nor does one after a kill", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const jobs = jobsOf("cron = * * * * * x", "cron2 = when=@reboot,name=boot y");
  const clock = new FakeClock(NOW);
  const first = new FakeProgram(jobs, path, clock);
  await first.start();
  await first.until(2);
  // As a kill would leave it: the slot is on disk before its job starts.
  const killed = await readRecords(path);
  assertEquals([...killed.values()].map(({ slotAt }) => slotAt - NOW), [-10_000, 0]);
  await first.stop();

  clock.advance(20_000);
  const second = new FakeProgram(jobs, path, clock);
  await second.start();
  await second.stop();
  assertEquals(second.events, []);

  const third = new FakeProgram(jobs, path, clock);
  await third.start();
  clock.advance(30_000);
  await third.until(1);
  await third.stop();
  assertEquals(third.count("job.started"), 1);
});

Deno.test("an ini that names another time for a job keeps what the job has done", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const clock = new FakeClock(NOW);
  const first = new FakeProgram(jobsOf("cron2 = minute=30,name=job x"), path, clock);
  await first.start();
  await first.until(1);
  await first.stop();
  const second = new FakeProgram(jobsOf("cron2 = minute=-30,name=job x"), path, clock);
  await second.start();
  await second.stop();
  assertEquals(second.events, []);
});

Deno.test("two programs with one state are one set of jobs", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const jobs = jobsOf("cron = * * * * * x");
  const clock = new FakeClock(NOW);
  const first = new FakeProgram(jobs, path, clock);
  await first.start();
  await first.until(1);
  const second = new FakeProgram(jobs, path, clock);
  const starting = second.start();
  await first.stop();
  await starting;
  await second.stop();
  assertEquals([first.count("job.started"), second.count("job.started")], [1, 0]);
});

Deno.test("how the last run ended is remembered", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const clock = new FakeClock(NOW);
  const program = new FakeProgram(jobsOf("timer2 = every=1s,name=beat x"), path, clock);
  await program.start();
  clock.advance(1000);
  await program.until(1);
  await program.stop();
  const run = (await readRecords(path)).get("beat")?.run;
  assertEquals([run?.ok, run?.result, run?.slotAt], [true, "exit code 0", NOW + 1000]);
});

Deno.test("a signal without a handler is said once, however often it is raised", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram(jobsOf("timer = 3 1"), join(dir.path, "cron-state"), clock);
  await program.start();
  clock.advance(60_000);
  await program.until(1, "job.skipped");
  await program.stop();
  assertEquals(program.events, [{
    type: "job.skipped",
    job: "signal-3",
    reason: "signal 3 has no handler in task code",
  }]);
});

Deno.test("missed slots are reported with their number", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const jobs = jobsOf("cron = */5 * * * * x");
  const clock = new FakeClock(NOW);
  const program = new FakeProgram(jobs, path, clock);
  await program.start();
  await program.until(1);
  clock.set(NOW + 3 * 3_600_000 + 90_000);
  clock.advance(60_000);
  await program.until(1, "job.missed");
  await program.stop();
  const missed = program.events.filter(({ type }) => type === "job.missed");
  assertEquals(missed, [
    { type: "job.missed", job: "x", missed: 36, until: Date.UTC(2026, 10, 23, 12, 30) },
  ]);
  assertEquals(program.count("job.started"), 1);
});

Deno.test("without schedules there is no state file", async () => {
  await using dir = await tempDir();
  const program = new FakeProgram([], join(dir.path, "cron-state"), new FakeClock(NOW));
  await program.start();
  await program.stop();
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

/** The jobs of task code, as a worker registers them. */
const place = { file: "/srv/tasks.py", line: 7 };
const timer = (signal: number, seconds = 10): Registration => ({
  name: "beat",
  place,
  signal,
  time: { kind: "timer", seconds },
});
const rbtimer = (signal: number, seconds: number, iterations: number): Registration => ({
  name: "few",
  place,
  signal,
  time: { kind: "rbtimer", seconds, iterations },
});
const cron = (signal: number, ...fields: number[]): Registration => ({
  name: "nightly",
  place,
  signal,
  time: { kind: "cron", fields },
});

Deno.test("a timer that task code registers raises its signal in the code of its owner", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], join(dir.path, "cron-state"), clock, [5]);
  await program.start();
  await program.register("mail", timer(5));
  clock.advance(10_000);
  await program.until(1);
  await program.stop();
  assertEquals(program.raised, ["5 of mail"]);
  assertEquals(program.events[0], {
    type: "schedule.loaded",
    name: "tasks/beat",
    text: "every 10s",
    command: "signal 5",
  });
});

Deno.test("a job registered again by a new worker is neither doubled nor begun anew", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], join(dir.path, "cron-state"), clock, [5, 6]);
  await program.register("mail", timer(5), rbtimer(6, 4, 2));
  await program.start();
  for (const runs of [1, 2]) {
    clock.advance(4000);
    await program.until(runs);
  }
  // The worker has died; the next one counts its signals differently.
  await program.register("mail", timer(7), rbtimer(8, 4, 2));
  clock.advance(1999);
  assertEquals(program.count("job.skipped"), 0);
  clock.advance(1);
  await program.until(1, "job.skipped");
  await program.register("mail", timer(5), rbtimer(6, 4, 2));
  clock.advance(10_000);
  await program.until(3);
  await program.stop();
  // Two iterations, and no third in all that time; the timer at 10 and, with a handler, 20 seconds.
  assertEquals(program.raised, ["6 of mail", "6 of mail", "5 of mail"]);
  assertEquals(program.count("schedule.loaded"), 2);
});

Deno.test("a handler that is slow is not called beside itself, unless that is asked for", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], join(dir.path, "cron-state"), clock, [5, 6]);
  const { promise, resolve } = Promise.withResolvers<void>();
  program.handling = promise;
  await program.start();
  await program.register("mail", timer(5, 1), { ...rbtimer(6, 1, 0), overlap: "allow" });
  for (const runs of [2, 3, 4]) {
    clock.advance(1000);
    await program.until(runs, "job.started");
  }
  assertEquals(program.raised, ["5 of mail", ...Array(3).fill("6 of mail")]);
  assertEquals(program.count("job.skipped"), 1);
  resolve();
  await program.stop();
});

Deno.test("what several workers and spools register is the program's, and there once", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], join(dir.path, "cron-state"), clock, [5, 6, 7]);
  await program.start();
  // The second spool is the first to have loaded; and it has one job more.
  await program.register("sms", timer(7), rbtimer(6, 4, 1));
  for (const owner of ["mail", "mail"]) await program.register(owner, timer(5));
  clock.advance(4_000);
  await program.until(1);
  clock.advance(6_000);
  await program.until(2);
  await program.stop();
  assertEquals(program.raised, ["6 of sms", "5 of mail"]);
  assertEquals(program.count("schedule.loaded"), 2);
});

Deno.test("two registrations are two jobs, whatever they are called", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const clock = new FakeClock(NOW);
  const handlers = [1, 2, 3, 4, 5];
  const program = new FakeProgram([], path, clock, handlers);
  await program.start();
  const named = (signal: number, name: string | null, line: number): Registration => ({
    ...timer(signal, 60),
    name,
    place: { file: "/srv/tasks.py", line },
  });
  const bound = [1, 2, 3].map((signal) => named(signal, "Job.handler", 9));
  const arrows = [named(4, null, 12), named(5, null, 13)];
  await program.register("mail", ...bound, ...arrows);
  clock.advance(60_000);
  await program.until(5);
  await program.stop();
  assertEquals(program.raised.toSorted(), handlers.map((signal) => `${signal} of mail`));
  const names = ["Job.handler", "Job.handler-2", "Job.handler-3", "anonymous", "anonymous-2"];
  const loaded = program.events.flatMap((event) =>
    event.type === "schedule.loaded" ? event.name : []
  );
  assertEquals(loaded, names.map((name) => `tasks/${name}`));
  // Their places in the state file outlive a restart in which the two kinds have changed places.
  const ids = [...(await readRecords(path)).keys()];
  assertEquals(new Set(ids).size, 5);
  const again = new FakeProgram([], path, clock, handlers);
  await again.start();
  clock.advance(59_000);
  await again.register("mail", ...arrows, ...bound);
  clock.advance(1000);
  await again.until(5);
  await again.stop();
  assertEquals([...(await readRecords(path)).keys()].toSorted(), ids.toSorted());
});

Deno.test("a timer of 0 seconds runs at once, so many times", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], join(dir.path, "cron-state"), clock, [5]);
  await program.start();
  await program.register("mail", rbtimer(5, 0, 3));
  await program.until(3);
  await program.register("mail", rbtimer(5, 0, 3));
  clock.advance(60_000);
  await program.stop();
  assertEquals(program.raised, Array(3).fill("5 of mail"));
});

Deno.test("a job of task code finds what version 0.1 remembered of it", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const clock = new FakeClock(NOW);
  const record = (seconds: number) => ({
    name: "mail/beat",
    boot: "boot",
    slotAt: NOW - seconds * 1000,
    run: null,
  });
  const jobs = { "mail/beat every 3600s": record(3500), "sms/beat every 3600s": record(7000) };
  await Deno.writeTextFile(path, JSON.stringify({ version: 1, jobs }));
  const program = new FakeProgram([], path, clock, [5]);
  await program.start();
  await program.register("mail", timer(5, 3600));
  clock.advance(99_000);
  assertEquals(program.raised, []);
  clock.advance(1000);
  await program.until(1);
  await program.stop();
  assertEquals([...(await readRecords(path)).keys()], ["tasks/beat every 3600s"]);
});

Deno.test("what is registered no more starts no more, the jobs of the ini go on", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const jobs = jobsOf("timer2 = every=3s,name=ini x");
  const program = new FakeProgram(jobs, join(dir.path, "cron-state"), clock, [5, 6]);
  await program.start();
  await program.register("mail", timer(5, 1));
  clock.advance(1000);
  await program.until(1);
  await program.register("mail", timer(6, 2));
  clock.advance(2000);
  await program.until(3);
  await program.register("mail");
  clock.advance(3000);
  await program.until(4);
  await program.stop();
  assertEquals(program.raised, ["5 of mail", "6 of mail"]);
});

Deno.test("a cron job of task code runs once in its slot, over a restart, too", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], path, clock, [5]);
  await program.start();
  await program.register("mail", cron(5, 30, -1, -1, -1, -1));
  await program.until(1);
  await program.stop();
  const again = new FakeProgram([], path, clock, [5]);
  await again.start();
  await again.register("mail", cron(5, 30, -1, -1, -1, -1));
  clock.advance(3_600_000);
  await again.until(1);
  await again.stop();
  assertEquals([program.raised, again.raised], [["5 of mail"], ["5 of mail"]]);
});

Deno.test("a registration that cannot be is refused with its place, and the others stand", async () => {
  await using dir = await tempDir();
  const clock = new FakeClock(NOW);
  const program = new FakeProgram([], join(dir.path, "cron-state"), clock, [5]);
  await program.start();
  const refused = [
    [timer(256), "beat needs a signal from 0 to 255: 256"],
    [timer(5, 0), "beat needs seconds ≥ 0.001: 0"],
    [rbtimer(5, 0, 0), "few needs seconds ≥ 0.001: 0"],
    [rbtimer(5, 1, -1), "few needs a number of iterations, 0 for no end: -1"],
    [cron(5, 60, -1, -1, -1, -1), "nightly minute needs"],
    [cron(5, 1, 2, 3), "nightly needs minute, hour, day, month and weekday: 1 2 3"],
  ] as const;
  const bad = refused.map(([registration]) => registration);
  // Each worker of each spool registers all of it.
  await program.register("mail", ...bad, timer(5));
  await program.register("sms", ...bad, timer(5));
  const warnings = program.events.flatMap((event) =>
    event.type === "schedule.warning" ? event.message : []
  );
  assertEquals(warnings.length, refused.length);
  for (const [index, [, complaint]] of refused.entries()) {
    assertStringIncludes(warnings[index] ?? "", `/srv/tasks.py:7: ${complaint}`);
  }
  clock.advance(10_000);
  await program.until(1);
  await program.stop();
  assertEquals(program.raised, ["5 of mail"]);
});
