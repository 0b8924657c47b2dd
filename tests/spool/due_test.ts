/** A task that was made while the clock was ahead is not taken for deferred when it is set right. */

import { systemClock } from "../../src/platform/clock.ts";
import { Inspector } from "../../src/spool/inspect.ts";
import { dueTime, TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openStore } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const DAY_MS = 86_400_000;

testWith("libc", "after the clock is set back by a day what nobody deferred is ready", async () => {
  await using temp = await tempDir();
  const now = Date.now();
  const clock = new FakeClock(now + DAY_MS);
  const store = await openStore(temp.path, clock);
  const task = await store.put({ vars: [] });
  const deferred = await store.put({ vars: [], at: clock.now() + 3_600_000 });
  clock.set(now + 5000);
  const seen = [...store.scan()].flat();
  assertEquals(seen.find(({ name }) => name === task.name)?.dueAt, now + 5000);
  assertEquals(store.see(task)?.dueAt, now + 5000);
  assert((store.see(deferred)?.dueAt ?? 0) > now + DAY_MS);
  assertEquals(store.claim(deferred).kind, "deferred");
  const inspector = new Inspector({ dir: temp.path, clock: systemClock, ...platform });
  const states = [...inspector.list()].flat().map((each) => inspector.inspect(each)?.state.kind);
  assertEquals(states.sort(), ["deferred", "ready"]);
  // Its failure defers it as any other.
  const attempts = { failures: 1, firstFailureAt: 1, lastFailureAt: 1, reason: "no", stderr: "" };
  store.defer(claimNow(store, task), clock.now() + 30_000, attempts);
  assertEquals(store.claim(task).kind, "deferred");
  store.close();
});

Deno.test("while the clock is right nothing runs before its time", () => {
  const name = (seconds: number) => `${TASK_PREFIX}h_1_1_1_${seconds}_500000`;
  const now = 1_795_000_000_600;
  // Deferred by less than a second.
  assertEquals(dueTime(name(1_795_000_000), now + 300, now), now + 300);
  assertEquals(dueTime(name(1_795_000_000), now - 300, now), now - 300);
  assertEquals(dueTime(`${TASK_PREFIX}other`, now + DAY_MS, now), now + DAY_MS);
  assertEquals(dueTime(name(1_795_086_400), now + DAY_MS, now), now);
  assertEquals(dueTime(name(1_795_086_400), now + DAY_MS + 5000, now), now + DAY_MS + 5000);
});
