/** When a worker makes room. */

import { Recycling } from "../../src/worker/recycling.ts";
import type { TaskWorker } from "../../src/worker/task_worker.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";

const IDLE_MS = 10_000;

/** A worker that answers tasks at times the test says. */
function bench() {
  const clock = new FakeClock();
  const recycling = new Recycling({ clock, maxTasks: null, idleMs: IDLE_MS });
  const state = { label: "worker", isReady: true, isBusy: false, idleSince: 0, stops: 0 };
  const stop = () => {
    state.isReady = false;
    state.stops++;
  };
  const worker = Object.assign(state, { stop }) as typeof state & TaskWorker;
  return {
    clock,
    recycling,
    worker,
    answer() {
      state.idleSince = clock.monotonic();
      recycling.watchIdle(worker);
    },
  };
}

Deno.test("an idle worker is watched by one timer, however many tasks it answers", () => {
  const { clock, worker, answer } = bench();
  for (let i = 0; i < 1000; i++) {
    answer();
    clock.advance(5);
  }
  assertEquals(clock.pending, 1);
  answer();
  clock.advance(IDLE_MS - 1);
  assertEquals(worker.stops, 0);
  clock.advance(1);
  assertEquals([worker.stops, clock.pending], [1, 0]);
});

Deno.test("a worker that is busy when its time is over is watched from its next answer on", () => {
  const { clock, worker, answer } = bench();
  answer();
  worker.isBusy = true;
  clock.advance(3 * IDLE_MS);
  assertEquals([worker.stops, clock.pending], [0, 0]);
  worker.isBusy = false;
  answer();
  clock.advance(IDLE_MS);
  assertEquals(worker.stops, 1);
});

Deno.test("of a worker that has ended no timer is left", () => {
  const { clock, recycling, worker, answer } = bench();
  answer();
  recycling.forget(worker);
  assertEquals(clock.pending, 0);
});
