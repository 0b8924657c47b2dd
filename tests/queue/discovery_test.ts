/** How a spool's tasks are found by announcements, by reports of the watcher, and by scans. */

import { systemClock } from "../../src/platform/clock.ts";
import { Discovery } from "../../src/queue/discovery.ts";
import { Frequency } from "../../src/queue/frequency.ts";
import { Tasks } from "../../src/queue/tasks.ts";
import { Once } from "../../src/report/once.ts";
import type { SpoolChange } from "../../src/spool/watcher.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("what was announced is forgotten at a scan: a watcher that reports nothing costs no memory", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  let report: (change: SpoolChange) => void = () => {};
  store.watch = (notify) => {
    report = notify;
    return { isComplete: false, close: () => Promise.resolve(), watchPriority: () => {} };
  };
  let changes = 0;
  const tasks = new Tasks();
  const discovery = new Discovery({
    found: () => {},
    ...{ name: "test", store, frequency: new Frequency(1000), ordered: false },
    ...{ clock: systemClock, emit: () => {}, once: new Once(), tasks },
    notePause: () => {},
    scanned: () => {},
    changed: () => changes++,
  });
  discovery.watch();
  const isNews = async (change: SpoolChange) => {
    const before = changes;
    report(change);
    // Reports that come together are news once.
    await Promise.resolve();
    return changes > before;
  };
  const announced = async () => {
    const ref = await store.put({ vars: varsOf({ ud_spool_func: "x" }) });
    const seen = store.see(ref);
    assert(seen !== null);
    discovery.announce([seen]);
    return { kind: "task", ref, isNew: true } as const;
  };
  assert(!await isNews(await announced()));
  const late = await announced();
  await discovery.scan();
  assert(await isNews(late));
  assertEquals([tasks.size, tasks.count("ready")], [2, 2]);
  await discovery.stop();
  store.close();
});
