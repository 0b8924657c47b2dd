/** A wall clock that is set: nothing waits for a time on the old one. */

import { join } from "@std/path";
import type { Event } from "../../src/report/event.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { newDispatcher, succeeding } from "../support/dispatcher.ts";
import { testWith } from "../support/require.ts";
import { openStore } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;

testWith(
  "libc",
  "after the clock is set back by a day a spool is scanned at once, and as often as before",
  async () => {
    await using temp = await tempDir();
    const clock = new FakeClock(Date.now() + DAY_MS);
    const store = await openStore(temp.path, clock);
    const events: Event[] = [];
    const ran: string[] = [];
    const dispatcher = newDispatcher({
      store,
      executors: [succeeding(({ task }) => void ran.push(task.name))],
      clock,
      emit: (event) => events.push(event),
    });
    const warnings = () => events.filter(({ type }) => type === "spool.warning").length;
    // Tasks in such a directory are noticed by a scan and by nothing else.
    const strand = (name: string) => writeTask(join(temp.path, name), `${TASK_PREFIX}x`, {});
    dispatcher.watch();
    await dispatcher.start();
    clock.set(clock.now() - DAY_MS);
    await strand("5x");
    dispatcher.clockWasSet();
    await until(() => warnings() === 1, "no scan");
    await strand("6x");
    // A scan may still be on its way to the timer.
    await until(() => {
      clock.advance(1100);
      return warnings() === 2;
    }, "no scan after the frequency");
    const { name } = await store.put({ vars: [] });
    await until(() => ran.length === 1, "it does not run");
    assertEquals(ran, [name]);
    await dispatcher.stop();
    store.close();
  },
);
