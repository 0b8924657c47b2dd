/** Deferred tasks under a clock that stands still: they start in their very millisecond. */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { newDispatcher, spoolConfig, succeeding } from "../support/dispatcher.ts";
import { openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const HOUR_MS = 3_600_000;

/** Tells which timers were set. */
class NotedClock extends FakeClock {
  readonly delays: number[] = [];

  override after(delayMs: number, action: () => void): () => void {
    this.delays.push(delayMs);
    return super.after(delayMs, action);
  }
}

Deno.test("a deferred task starts at its time, by a timer of its own and not by the poll", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const clock = new NotedClock(Date.now() + 1000);
  const store = await openStore(dir, clock);
  const put = async (inMs: number) =>
    (await store.put({ vars: varsOf({ ud_spool_func: "x" }), at: clock.now() + inMs })).name;
  const before = [await put(60_000), await put(5000)];

  const startedAt = new Map<string, number>();
  const dispatcher = newDispatcher({
    config: spoolConfig(dir, { frequencyMs: HOUR_MS }),
    store,
    executors: [succeeding(() => {})],
    clock,
    emit: (event) => {
      if (event.type === "task.started") startedAt.set(event.task, clock.now());
    },
  });
  const start = clock.now();
  dispatcher.watch();
  await dispatcher.start();
  try {
    // Accepted while the program waits for another: its timer comes first.
    const sooner = await put(2000);
    await until(() => clock.delays.includes(2000), "no timer is set for it");
    clock.advance(1999);
    assertEquals(startedAt.size, 0);
    clock.advance(1);
    assertEquals(startedAt.get(sooner), start + 2000);
    await until(() => dispatcher.running === 0, "it does not end");
    clock.advance(2999);
    assertEquals(startedAt.size, 1);
    clock.advance(1);
    assertEquals(startedAt.get(before[1] ?? ""), start + 5000);
    await until(() => dispatcher.running === 0, "it does not end");
    clock.advance(55_000);
    assertEquals(startedAt.get(before[0] ?? ""), start + 60_000);
    await until(() => dispatcher.running === 0, "it does not end");
  } finally {
    await dispatcher.stop();
    store.close();
  }
});
