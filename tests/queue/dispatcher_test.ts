/** The dispatcher on a real directory, with handlers that run in the test. */

import { join } from "@std/path";
import type { SpoolConfig } from "../../src/queue/settings.ts";
import type { Answer, Executor, Run } from "../../src/exec/executor.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { Dispatcher } from "../../src/queue/dispatcher.ts";
import type { Event } from "../../src/report/event.ts";
import { Once } from "../../src/report/once.ts";
import { Frequency } from "../../src/queue/frequency.ts";
import { Runner } from "../../src/queue/runner.ts";
import { Settlement, type SettlementOptions } from "../../src/queue/settlement.ts";
import { type FailedRecord, Store } from "../../src/spool/store.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { openAnew, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

/** So long that whatever a test waits for cannot come from the poll. */
const NEVER_MS = 3_600_000;

interface Bench extends AsyncDisposable {
  readonly store: Store;
  readonly config: SpoolConfig;
  readonly dispatcher: Dispatcher;
  readonly events: Event[];
  /** Names of the tasks in the order in which they began to run. */
  readonly ran: string[];
  /** Waits for an event that fits. */
  until(fits: (event: Event) => boolean): Promise<Event>;
  put(vars?: Record<string, string>, priority?: number): Promise<string>;
}

interface Setup {
  readonly config?: Partial<SpoolConfig>;
  readonly executors?: readonly Executor[];
  readonly clock?: Clock;
}

async function bench(setup: Setup = {}): Promise<Bench> {
  const temp = await tempDir();
  const dir = join(temp.path, "spool");
  const config: SpoolConfig = {
    dir,
    processes: 1,
    frequencyMs: NEVER_MS,
    harakiriMs: null,
    ordered: false,
    fsync: false,
    retry: { delayMs: NEVER_MS, maxDelayMs: NEVER_MS, maxRetries: 0 },
    cwd: temp.path,
    maxAgeMs: null,
    failedMaxAgeMs: null,
    onFailure: null,
    rate: null,
    limits: { maxFiles: null, minFreeBytes: null },
    external: false,
    ...setup.config,
  };
  const store = await Store.open({
    dir,
    fsync: false,
    limits: config.limits,
    clock: systemClock,
    random: Math.random,
    ...platform,
  });
  const events: Event[] = [];
  const ran: string[] = [];
  let wake = () => {};
  const dispatcher = new Dispatcher({
    name: "test",
    config,
    store,
    executors: setup.executors ?? [handler(null, () => ({ kind: "done" }))],
    clock: setup.clock ?? systemClock,
    random: () => 0.5,
    env: {},
    abort: new AbortController().signal,
    emit(event) {
      events.push(event);
      if (event.type === "task.started") ran.push(event.task);
      wake();
    },
  });
  return {
    store,
    config,
    dispatcher,
    events,
    ran,
    async until(fits) {
      while (true) {
        const found = events.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    async put(vars = {}, priority) {
      const task = { vars: varsOf(vars) };
      return (await store.put(priority === undefined ? task : { ...task, priority })).name;
    },
    async [Symbol.asyncDispose]() {
      await dispatcher.stop();
      store.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

function handler(
  name: string | null,
  run: (run: Run) => Answer | Promise<Answer>,
  more: Partial<Executor> = {},
): Executor {
  return { name, processes: null, run: (each) => Promise.resolve(run(each)), ...more };
}

const settled = (task: string, kind?: string) => (event: Event) =>
  event.type === "task.settled" && event.task === task &&
  (kind === undefined || event.fate.kind === kind);

async function begin({ dispatcher }: Bench): Promise<void> {
  dispatcher.watch();
  await dispatcher.start();
}

Deno.test("a task that arrives runs at once, without the poll", async () => {
  await using it = await bench();
  await begin(it);
  await it.until(settled(await it.put(), "done"));
});

Deno.test("a priority that was there before the start is watched, too", async () => {
  await using it = await bench();
  await Deno.mkdir(join(it.store.dir, "7"));
  await begin(it);
  await it.until(settled(await it.put({}, 7), "done"));
});

Deno.test("with spooler-ordered, what was there before the start runs in strict order", async () => {
  await using it = await bench({ config: { ordered: true } });
  const plain = [await it.put(), await it.put()];
  const urgent = await it.put({}, 10);
  const first = await it.put({}, 9);
  await begin(it);
  for (const name of plain) await it.until(settled(name));
  assertEquals(it.ran, [first, urgent, ...plain]);
});

Deno.test("a start that is allowed while one decides that it is not is not forgotten", async () => {
  const time = new FakeClock(Date.now() + 60_000);
  // A timer that goes off a little early: the first look at the clock finds it too early, the next one
  // does not.
  let earlyMs = 0;
  const clock: Clock = {
    now: () => time.now(),
    monotonic() {
      const now = time.monotonic() - earlyMs;
      earlyMs = 0;
      return now;
    },
    after: (delayMs, action) =>
      time.after(delayMs, () => {
        earlyMs = 0.3;
        action();
      }),
  };
  await using it = await bench({ clock, config: { rate: { count: 1, perMs: 1000 } } });
  const names = [await it.put(), await it.put()];
  await begin(it);
  await it.until(settled(names[0] ?? ""));
  await new Promise((resolve) => setTimeout(resolve, 0));
  time.advance(1001);
  await it.until(settled(names[1] ?? ""));
});

Deno.test("no more tasks run at the same time than spooler-processes says", async () => {
  let running = 0;
  let most = 0;
  const busy = handler(null, async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    return { kind: "done" };
  });
  await using it = await bench({ config: { processes: 3 }, executors: [busy] });
  const names = await Promise.all(Array.from({ length: 20 }, () => it.put()));
  await begin(it);
  for (const name of names) await it.until(settled(name));
  assertEquals(most, 3);
});

Deno.test("a handler's own limit holds, and others go past those who wait for it", async () => {
  const gate = Promise.withResolvers<void>();
  let slow = 0;
  let most = 0;
  const limited = handler("slow", async () => {
    most = Math.max(most, ++slow);
    await gate.promise;
    slow--;
    return { kind: "done" };
  }, { processes: 1 });
  const quick = handler("quick", () => ({ kind: "done" }));
  await using it = await bench({ config: { processes: 4 }, executors: [limited, quick] });
  const waiting = [];
  for (let i = 0; i < 3; i++) waiting.push(await it.put({ ud_spool_func: "slow" }));
  const other = await it.put({ ud_spool_func: "quick" });
  await begin(it);
  await it.until(settled(other, "done"));
  gate.resolve();
  for (const name of waiting) await it.until(settled(name, "done"));
  assertEquals(most, 1);
});

Deno.test("a paused spool accepts tasks and runs none, until it is resumed", async () => {
  await using it = await bench();
  const flag = join(it.store.dir, ".spooler/paused");
  await Deno.writeTextFile(flag, "");
  const name = await it.put();
  await begin(it);
  await it.until(({ type }) => type === "spool.paused");
  assertEquals(it.ran, []);
  await Deno.remove(flag);
  await it.until(settled(name, "done"));
});

Deno.test("a task that asks for a retry comes again, and that is no failure", async () => {
  let runs = 0;
  const again = handler(null, ({ attempt }) => {
    runs++;
    assertEquals(attempt, 1);
    return runs < 3 ? { kind: "retry", reason: "later" } : { kind: "done" };
  });
  await using it = await bench({ config: { frequencyMs: 50 }, executors: [again] });
  await begin(it);
  await it.until(settled(await it.put(), "done"));
  assertEquals(runs, 3);
});

Deno.test("failures are counted, across retries, until the task is given up", async () => {
  const attempts: number[] = [];
  const failing = handler(null, ({ attempt }) => {
    attempts.push(attempt);
    return { kind: "failed", reason: "no", stderr: "oh" };
  });
  const retry = { delayMs: 1, maxDelayMs: 1, maxRetries: 2 };
  await using it = await bench({ config: { retry }, executors: [failing] });
  await begin(it);
  const name = await it.put();
  await it.until(settled(name, "failed"));
  assertEquals(attempts, [1, 2, 3]);
  const record = JSON.parse(await Deno.readTextFile(join(it.store.dir, "failed", `${name}.json`)));
  assertEquals([record.reason, record.attempts.failures, record.attempts.stderr], ["no", 3, "oh"]);
});

Deno.test("a handler may give up sooner than its spool", async () => {
  const failing = handler(null, () => ({ kind: "failed", reason: "no", stderr: "" }), {
    maxRetries: 1,
  });
  const retry = { delayMs: 1, maxDelayMs: 1, maxRetries: 1000 };
  await using it = await bench({ config: { retry }, executors: [failing] });
  await begin(it);
  await it.until(settled(await it.put(), "failed"));
  assertEquals(it.ran.length, 2);
});

Deno.test("a task older than spooler-max-age is given up and not run", async () => {
  let runs = 0;
  const count = handler(null, () => {
    runs++;
    return { kind: "done" };
  });
  await using it = await bench({ config: { maxAgeMs: 60_000 }, executors: [count] });
  const fresh = await it.put();
  const old = "uwsgi_spoolfile_on_test_1_1_1_1000000000_1";
  await Deno.copyFile(join(it.store.dir, fresh), join(it.store.dir, old));
  await begin(it);
  await it.until(settled(old, "failed"));
  await it.until(settled(fresh, "done"));
  assertEquals(runs, 1);
});

Deno.test("spooler-on-failure runs once for a task that is given up", async () => {
  const failing = handler(null, () => ({ kind: "permanent", reason: "never", stderr: "" }));
  await using it = await bench({
    config: { onFailure: 'echo "$SPOOLER_TASK: $SPOOLER_REASON"; exit 1' },
    executors: [failing],
  });
  await begin(it);
  const name = await it.put();
  await it.until(({ type }) => type === "spool.warning");
  const lines = it.events.flatMap((event) => event.type === "task.output" ? [event.line] : []);
  assertEquals(lines, [`${name}: never`]);
});

Deno.test("a damaged file is reported, kept, and no trouble to the others", async () => {
  await using it = await bench();
  const name = "uwsgi_spoolfile_on_test_1_1_1_1_1";
  await Deno.writeFile(join(it.store.dir, name), Uint8Array.of(9, 0, 0, 0));
  await begin(it);
  await it.until((event) => event.type === "spool.warning" && /modifier1 is 9/.test(event.message));
  await it.until(settled(await it.put(), "done"));
  assert((await Deno.stat(join(it.store.dir, "failed", name))).isFile);
});

Deno.test("tasks in a directory that is no priority are reported as stranded", async () => {
  await using it = await bench();
  await Deno.mkdir(join(it.store.dir, "urgent"));
  await Deno.writeTextFile(join(it.store.dir, "urgent/uwsgi_spoolfile_on_x"), "");
  await begin(it);
  await it.until((event) => event.type === "spool.warning" && event.message.startsWith("urgent/"));
});

Deno.test("a full spool refuses tasks, and takes them again when there is room", async () => {
  await using it = await bench({ config: { limits: { maxFiles: 3, minFreeBytes: null } } });
  for (let i = 0; i < 3; i++) await it.put();
  const refusal = await it.put().then(() => null, (error: Error) => error);
  assertEquals(refusal?.name, "SpoolFullError");
  assertEquals(refusal?.message, "it holds 3 tasks (spooler-max-files)");
  await begin(it);
  await it.until(({ type }) => type === "task.settled");
  await it.put();
});

Deno.test("a file system with too little room refuses tasks", async () => {
  const limits = { maxFiles: null, minFreeBytes: Number.MAX_SAFE_INTEGER };
  await using it = await bench({ config: { limits } });
  const refusal = await it.put().then(() => null, (error: Error) => error);
  assertEquals(refusal?.name, "SpoolFullError");
  assert(refusal?.message.includes("spooler-min-free"));
});

function runnerWith(options: SettlementOptions): Runner {
  return new Runner(options, new Settlement(options));
}

/** What a program that died in the middle of a task leaves behind. */
async function markAsRunning(it: Bench, name: string): Promise<void> {
  await Deno.writeTextFile(join(it.store.dir, ".spooler/running", name), "");
}

Deno.test("a task during whose run the program died runs again, at once, the first time", async () => {
  await using it = await bench();
  const name = await it.put();
  await markAsRunning(it, name);
  await begin(it);
  await it.until(settled(name, "done"));
  await it.dispatcher.stop();
  it.store.close();
  assertEquals([...Deno.readDirSync(join(it.store.dir, ".spooler/running"))], []);
  assertEquals([...Deno.readDirSync(join(it.store.dir, ".spooler/attempts"))], []);
});

Deno.test("a task that takes the program down each time ends in failed/, and hinders nobody", async () => {
  const retry = { delayMs: 1, maxDelayMs: 1, maxRetries: 1 };
  const poison = handler("poison", () => Promise.withResolvers<Answer>().promise);
  const harmless = handler(null, () => ({ kind: "done" }));
  await using it = await bench({ config: { retry }, executors: [harmless] });
  const deadly = await it.put({ ud_spool_func: "poison" });
  // Each start of the program is a store and a runner of their own; each death leaves its marks.
  const stores: Store[] = [];
  while (true) {
    const store = await openAnew(it.store.dir);
    stores.push(store);
    const claimed = store.claim({ name: deadly, priority: null });
    if (claimed.kind === "gone") break;
    if (claimed.kind !== "claimed") {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const runner = runnerWith({
      name: "test",
      config: { ...it.config, retry },
      frequency: new Frequency(NEVER_MS),
      once: new Once(),
      store,
      executors: [poison],
      clock: systemClock,
      random: () => 0.5,
      env: {},
      abort: new AbortController().signal,
      emit: () => {},
    });
    const started = runner.run(claimed);
    const over = await Promise.race([started.then(() => true), Promise.resolve(false)]);
    if (!over) claimed.release();
  }
  for (const store of stores) store.close();
  const record = JSON.parse(
    await Deno.readTextFile(join(it.store.dir, "failed", `${deadly}.json`)),
  ) as FailedRecord;
  assertEquals(record.reason, "the program died while it ran");
  await begin(it);
  await it.until(settled(await it.put(), "done"));
});
