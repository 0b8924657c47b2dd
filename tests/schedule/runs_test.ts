/** Overlap, groups and streaks, with jobs that run until the test says so. */

import type { Event } from "../../src/report/event.ts";
import { MOST_AT_ONCE } from "../../src/schedule/admission.ts";
import { REPLACED, Runs } from "../../src/schedule/runs.ts";
import { assertEquals } from "../support/assert.ts";
import { jobOf, jobsOf } from "../support/jobs.ts";

interface Running {
  readonly name: string;
  readonly slot: number;
  readonly signal: AbortSignal;
  begin(): void;
  end(): Promise<void>;
}

/** @param hasWorker false where each run waits for a worker until the test says `begin` */
function makeRuns(hasWorker = true) {
  const running: Running[] = [];
  const events: Event[] = [];
  const abort = new AbortController();
  const runs = new Runs({
    run: (job, slot, signal, begun) => {
      if (hasWorker) begun();
      const { promise, resolve } = Promise.withResolvers<void>();
      const run: Running = {
        name: job.name,
        slot,
        signal,
        begin: begun,
        end: async () => {
          running.splice(running.indexOf(run), 1);
          resolve();
          await promise;
          // The end is noticed behind the promise that was just resolved.
          await new Promise((turn) => setTimeout(turn));
        },
      };
      running.push(run);
      return promise;
    },
    emit: (event) => events.push(event),
    abort: abort.signal,
  });
  const now = () => running.map(({ name, slot }) => `${name}@${slot}`).join(" ");
  const said = () => events.map((event) => event.type);
  return { runs, running, events, now, said, abort };
}

const job = (overlap: string) => jobOf(`cron2 = overlap=${overlap},name=job x`);

Deno.test("skip: a slot is dropped while the last one runs", async () => {
  const { runs, running, now } = makeRuns();
  const skipping = job("skip");
  runs.offer(skipping, 1);
  runs.offer(skipping, 2);
  assertEquals(now(), "job@1");
  await running[0]?.end();
  assertEquals(now(), "");
  runs.offer(skipping, 3);
  assertEquals(now(), "job@3");
});

Deno.test("allow: slots run beside each other, but not without end", () => {
  const { runs, running, said } = makeRuns();
  const allowing = job("allow");
  for (let slot = 0; slot <= MOST_AT_ONCE + 5; slot++) runs.offer(allowing, slot);
  assertEquals(running.length, MOST_AT_ONCE);
  assertEquals(said(), ["job.skipped"]);
});

Deno.test("queue: the latest slot that waits runs when the last has ended", async () => {
  const { runs, running, now, said } = makeRuns();
  const queueing = job("queue");
  for (const slot of [1, 2, 3]) runs.offer(queueing, slot);
  assertEquals(now(), "job@1");
  assertEquals(said(), ["job.skipped"]);
  await running[0]?.end();
  assertEquals(now(), "job@3");
});

Deno.test("replace: what runs is broken off, and the next starts when it has ended", async () => {
  const { runs, running, now } = makeRuns();
  const replacing = job("replace");
  runs.offer(replacing, 1);
  runs.offer(replacing, 2);
  const [first] = running;
  assertEquals([first?.signal.aborted, first?.signal.reason], [true, REPLACED]);
  assertEquals(now(), "job@1");
  await first?.end();
  assertEquals(now(), "job@2");
});

Deno.test("of a group one job runs at a time, and who waited longest is next", async () => {
  const { runs, running, now } = makeRuns();
  const [a, b, c] = jobsOf(
    "cron2 = group=db,name=a x",
    "cron2 = group=db,name=b x",
    "timer2 = every=1s,group=db,name=c x",
  );
  if (!a || !b || !c) throw new Error("three jobs");
  for (const [each, slot] of [[a, 1], [c, 1], [b, 1], [c, 2], [a, 2]] as const) {
    runs.offer(each, slot);
  }
  assertEquals(now(), "a@1");
  await running[0]?.end();
  assertEquals(now(), "c@1");
  await running[0]?.end();
  assertEquals(now(), "b@1");
  await running[0]?.end();
  assertEquals(now(), "a@2");
  await running[0]?.end();
  assertEquals(now(), "");
});

Deno.test("another group does not wait", () => {
  const { runs, now } = makeRuns();
  const [a, b] = jobsOf("cron2 = group=db,name=a x", "cron2 = group=mail,name=b x");
  if (!a || !b) throw new Error("two jobs");
  runs.offer(a, 1);
  runs.offer(b, 1);
  assertEquals(now(), "a@1 b@1");
});

Deno.test("a streak of skips is said at its start, and at its end with its length", async () => {
  const { runs, running, events } = makeRuns();
  const skipping = job("skip");
  for (let slot = 1; slot <= 36; slot++) runs.offer(skipping, slot);
  await running[0]?.end();
  runs.offer(skipping, 37);
  assertEquals(events, [
    { type: "job.skipped", job: "job", reason: "it is still running" },
    { type: "job.resumed", job: "job", skipped: 35 },
  ]);
});

Deno.test("a stop waits for what runs, and starts nothing that waits", async () => {
  const { runs, running, now } = makeRuns();
  const queueing = job("queue");
  runs.offer(queueing, 1);
  runs.offer(queueing, 2);
  let stopped = false;
  const stop = runs.stop().then(() => stopped = true);
  assertEquals([runs.running, stopped], [1, false]);
  await running[0]?.end();
  await stop;
  assertEquals([runs.running, now()], [0, ""]);
});

Deno.test("an abort reaches what runs", () => {
  const { runs, running, abort } = makeRuns();
  runs.offer(job("skip"), 1);
  abort.abort();
  assertEquals(running[0]?.signal.aborted, true);
});

Deno.test("what no worker has begun waits: it is not said to run", () => {
  const { runs, running, events } = makeRuns(false);
  const skipping = job("skip");
  assertEquals(runs.offer(skipping, 1).kind, "wait");
  assertEquals(runs.countsOf(skipping.id), { running: 0, waiting: 1 });
  runs.offer(skipping, 2);
  running[0]?.begin();
  assertEquals(runs.countsOf(skipping.id), { running: 1, waiting: 0 });
  assertEquals(runs.offer(skipping, 3), { kind: "skip", reason: "it is still running" });
  assertEquals(events, [
    { type: "job.skipped", job: "job", reason: "its last slot still waits for a free worker" },
  ]);
});

Deno.test("of a job that may overlap, what waits for workers and what runs are counted apart", () => {
  const { runs, running } = makeRuns(false);
  const allowing = job("allow");
  const next = () => runs.offer(allowing, 1);
  for (let slot = 0; slot < MOST_AT_ONCE; slot++) next();
  const few = `${MOST_AT_ONCE} slots of it already wait for a free worker`;
  assertEquals(next(), { kind: "skip", reason: few });
  running[0]?.begin();
  const more = `it is running 1 time already, and ${MOST_AT_ONCE - 1} more wait for a free worker`;
  assertEquals(next(), { kind: "skip", reason: more });
});
