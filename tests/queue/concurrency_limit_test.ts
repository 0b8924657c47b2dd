/** A dispatcher with a limit: how many tasks run is not its own decision alone. */

import { isAtLeast, levelOf } from "../../src/report/level.ts";
import type { Executor } from "../../src/exec/executor.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { Dispatcher } from "../../src/queue/dispatcher.ts";
import type { ConcurrencyLimit } from "../../src/queue/concurrency_limit.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { spoolConfig } from "../support/dispatcher.ts";
import { platform } from "../support/platform.ts";
import { openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

class TestLimit implements ConcurrencyLimit {
  limit = 0;
  #listener: () => void = () => {};

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  set(limit: number): void {
    this.limit = limit;
    this.#listener();
  }
}

/** Runs that go on until the test ends them. */
class Runs {
  readonly open: (() => void)[] = [];
  most = 0;
  unavailable = false;

  readonly executor: Executor = {
    name: null,
    processes: null,
    trusted: true,
    run: () => {
      if (this.unavailable) return Promise.resolve({ kind: "unavailable", reason: "away" });
      const { promise, resolve } = Promise.withResolvers<{ kind: "done" }>();
      this.open.push(() => resolve({ kind: "done" }));
      this.most = Math.max(this.most, this.open.length);
      return promise;
    },
  };
}

Deno.test("a limit of 0 starts nothing, sets no timer over and over, and wakes when it rises", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  // One is due now, one in a moment: neither may keep the dispatcher busy while nothing may start.
  await store.put({ vars: varsOf({ a: "1" }) });
  await store.put({ vars: varsOf({ a: "2" }), at: Date.now() + 20 });
  const concurrency = new TestLimit();
  const runs = new Runs();
  let timers = 0;
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, action) => {
      timers++;
      return systemClock.after(delayMs, action);
    },
  };
  const dispatcher = new Dispatcher({
    ...{
      name: "test",
      config: spoolConfig(store.dir),
      store,
      executors: [runs.executor],
      concurrency,
    },
    ...{ env: {}, libc: platform.libc, clock, random: Math.random, emit: () => {} },
    abort: new AbortController().signal,
  });
  dispatcher.watch();
  await dispatcher.start();
  const before = timers;
  const { promise: later, resolve } = Promise.withResolvers<void>();
  systemClock.after(100, resolve);
  await later;
  assert(timers - before < 10, `${timers - before} timers`);
  assertEquals(runs.open.length, 0);

  concurrency.set(1);
  await until(() => runs.open.length === 1, "the first starts");
  concurrency.set(2);
  await until(() => runs.open.length === 2, "the second starts");
  for (const end of runs.open) end();
  await until(() => [...store.scan()].flat().length === 0, "both are done");
  await dispatcher.stop();
  store.close();
});

Deno.test("a task that nobody could take stays ready, and has no line in the log", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const { name } = await store.put({ vars: varsOf({ a: "1" }) });
  const concurrency = new TestLimit();
  const runs = new Runs();
  runs.unavailable = true;
  const events: string[] = [];
  const executor: Executor = {
    ...runs.executor,
    run: (run) => {
      concurrency.limit = 0;
      return runs.executor.run(run);
    },
  };
  const dispatcher = new Dispatcher({
    ...{ name: "test", config: spoolConfig(store.dir), store, executors: [executor], concurrency },
    ...{ env: {}, libc: platform.libc, clock: systemClock, random: Math.random },
    emit: (event) => {
      if (isAtLeast(levelOf(event), "info")) events.push(event.type);
    },
    abort: new AbortController().signal,
  });
  dispatcher.watch();
  await dispatcher.start();
  concurrency.set(1);
  await until(() => dispatcher.running === 0 && concurrency.limit === 0, "it was tried");
  const task = store.claim({ name, priority: null });
  assert(task.kind === "claimed");
  assertEquals(task.attempts, null);
  task.release();
  runs.unavailable = false;
  concurrency.set(1);
  await until(() => runs.open.length === 1, "it is tried again");
  runs.open[0]?.();
  await until(() => [...store.scan()].flat().length === 0, "it is done");
  assertEquals(events, ["task.settled"]);
  await dispatcher.stop();
  store.close();
});
