/** Limits hold also for tasks that could not be read when it was to be found out whose they are. */

import { turnOfOthers } from "../../src/platform/clock.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assertEquals } from "../support/assert.ts";
import { NEVER_POLLS, newDispatcher, spoolConfig, succeeding } from "../support/dispatcher.ts";
import { testWith } from "../support/require.ts";
import { openStore } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const TASKS = 4;

testWith("libc", "a task that cannot be read at first runs, and keeps to its limit", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  let reads = 0;
  // As a disk and a process do that have trouble for a moment.
  store.varsOf = () => {
    if (reads++ % 2 === 0) throw new Error("pread: errno 5");
    return null;
  };
  for (let n = 0; n < TASKS; n++) {
    const vars = { ud_spool_func: "send", customer: "a" };
    await writeTask(store.dir, `${TASK_PREFIX}test_1_${n}_1_1_0`, vars);
  }
  let [ran, running, most] = [0, 0, 0];
  const dispatcher = newDispatcher({
    config: spoolConfig(store.dir, NEVER_POLLS),
    taskLimits: [{ func: null, key: "customer", processes: 1 }],
    store,
    executors: [succeeding(async () => {
      most = Math.max(most, ++running);
      await turnOfOthers();
      running--;
      ran++;
    })],
  });
  dispatcher.watch();
  await dispatcher.start();
  await until(() => ran === TASKS, "the tasks have run");
  assertEquals([most, reads], [1, TASKS]);
  await dispatcher.stop();
  store.close();
});
