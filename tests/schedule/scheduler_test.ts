/** The schedules as a whole, on a real state file, under a fake clock. */

import { join } from "node:path";
import type { ScheduleConfig } from "../../src/config/config.ts";
import type { Event } from "../../src/report/event.ts";
import { readRecords } from "../../src/schedule/state_file.ts";
import { Scheduler } from "../../src/schedule/scheduler.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { jobsOf } from "../support/jobs.ts";
import { tempDir } from "../support/temp.ts";

const NOW = Date.UTC(2026, 10, 23, 9, 30, 10);

/** A program with these jobs; its commands end at once, or hang when they are called so. */
class FakeProgram {
  readonly events: Event[] = [];
  readonly #waits: { count: number; type: Event["type"]; resolve(): void }[] = [];
  readonly #scheduler: Scheduler;

  constructor(jobs: readonly ScheduleConfig[], statePath: string, readonly clock: FakeClock) {
    const emit = (event: Event) => {
      this.events.push(event);
      for (const { count, type, resolve } of this.#waits) if (this.count(type) >= count) resolve();
    };
    this.#scheduler = new Scheduler({
      jobs,
      statePath,
      host: "host",
      boot: "boot",
      clock,
      emit,
      abort: new AbortController().signal,
      world: {
        clock,
        random: () => 0.5,
        emit,
        cwd: "/",
        env: {},
        shell: () => Promise.resolve({ exit: { kind: "code", code: 0 }, stderr: "" }),
        accounts: new Map(),
        signals: { has: () => false, raise: () => Promise.resolve() },
        put: () => Promise.resolve("task"),
      },
    });
  }

  start(): Promise<void> {
    return this.#scheduler.start();
  }

  stop(): Promise<void> {
    return this.#scheduler.stop();
  }

  count(type: Event["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** Resolves when so many events of the type have come. */
  async until(count: number, type: Event["type"] = "job.ended"): Promise<void> {
    if (this.count(type) >= count) return;
    await new Promise<void>((resolve) => this.#waits.push({ count, type, resolve }));
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

Deno.test("missed slots are told with their number", async () => {
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
