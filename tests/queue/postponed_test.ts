/** A task that nobody here takes: another program may, so its file stays exactly as it is. */

import { join } from "@std/path";
import type { Executor } from "../../src/exec/executor.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { Event } from "../../src/report/event.ts";
import { UnderWayList } from "../../src/report/under_way.ts";
import { assertEquals } from "../support/assert.ts";
import { startDispatcher } from "../support/dispatcher.ts";
import { platform } from "../support/platform.ts";
import { openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const FREQUENCY_MS = 20;

/** All that says anything about a file, and what lies beside it. */
function traces(dir: string, name: string): unknown {
  const { mtimeMs, ctimeMs, size } = platform.claims.lstat(join(dir, name)) ?? {};
  const records = [...Deno.readDirSync(join(dir, ".spooler/attempts"))].map((each) => each.name);
  return { mtimeMs, ctimeMs, size, records };
}

Deno.test("what every handler ignores is asked about again at each spooler-frequency, and not touched", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const { name } = await store.put({ vars: varsOf({ ud_spool_func: "mine" }) });
  const before = traces(store.dir, name);
  let asked = 0;
  let takes = false;
  const executor: Executor = {
    name: null,
    processes: null,
    run() {
      asked++;
      return Promise.resolve(takes ? { kind: "done" } : { kind: "ignored" });
    },
  };
  const events: Event[] = [];
  const dispatcher = await startDispatcher(
    store.dir,
    [executor],
    { frequencyMs: FREQUENCY_MS },
    (event) => void events.push(event),
  );
  try {
    await until(() => asked >= 5, "it is not asked about again");
    assertEquals(traces(store.dir, name), before);
    const told = events.filter(({ type }) => type === "task.settled");
    assertEquals(told.length, 1);
    const underWay = new UnderWayList();
    for (const event of events) underWay.note(event, systemClock);
    assertEquals(underWay.list(), []);
    takes = true;
    await until(() => platform.claims.lstat(join(store.dir, name)) === null, "it never runs");
  } finally {
    await dispatcher.stop();
  }
});

Deno.test("what nobody here has a handler for is not touched, and runs elsewhere meanwhile", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const { name } = await store.put({ vars: varsOf({ ud_spool_func: "theirs" }) });
  const before = traces(store.dir, name);
  const executor: Executor = {
    name: "mine",
    processes: null,
    run: () => Promise.resolve({ kind: "done" }),
  };
  const events: Event[] = [];
  const dispatcher = await startDispatcher(
    store.dir,
    [executor],
    { frequencyMs: FREQUENCY_MS },
    (event) => void events.push(event),
  );
  try {
    const mine = await store.put({ vars: varsOf({ ud_spool_func: "mine" }) });
    const isGone = (each: string) => platform.claims.lstat(join(store.dir, each)) === null;
    await until(() => isGone(mine.name), "its neighbour does not run");
    assertEquals(traces(store.dir, name), before);
    await Deno.remove(join(store.dir, name));
    const next = await store.put({ vars: varsOf({ ud_spool_func: "mine" }) });
    await until(() => isGone(next.name), "the dispatcher has stopped");
  } finally {
    await dispatcher.stop();
  }
  const fates = events.flatMap((event) => event.type === "task.settled" ? [event.fate.kind] : []);
  assertEquals(fates.toSorted(), ["done", "done", "postponed"]);
});

Deno.test("a task that has no handler at all does not start", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  await store.put({ vars: varsOf({ ud_spool_func: "theirs" }) });
  const events: Event[] = [];
  const dispatcher = await startDispatcher(
    store.dir,
    [],
    { frequencyMs: FREQUENCY_MS },
    (event) => void events.push(event),
  );
  try {
    await until(() => events.some(({ type }) => type === "task.returned"), "it is not tried again");
    assertEquals(events.filter(({ type }) => type === "task.started"), []);
  } finally {
    await dispatcher.stop();
  }
});
