/** Nothing in failed/ is ever replaced, and no record has the name of a task. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { Inspector } from "../../src/spool/inspect.ts";
import { failedName, TASK_PREFIX } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { namesIn, platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openStore } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const NAME = `${TASK_PREFIX}a`;

async function failed(store: Store, name: string, n: string): Promise<void> {
  await writeTask(store.dir, name, { n });
  store.fail(claimNow(store, { name, priority: null }), `reason ${n}`, null);
}

/** Name, content and reason of each. */
function kept(dir: string): (string | undefined)[][] {
  const inspector = new Inspector({ dir, clock: systemClock, ...platform });
  return [...inspector.list({ states: ["failed"] })].flat().map((task) => {
    const seen = inspector.inspect(task);
    assert(seen?.state.kind === "failed");
    const n = seen.content.kind === "task"
      ? new TextDecoder().decode(seen.content.vars[0]?.value)
      : seen.content.reason;
    return [task.name.slice(TASK_PREFIX.length), n, seen.state.record?.reason];
  }).sort();
}

testWith("libc", "tasks of one name that fail are all kept, each with its reason", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  for (const n of ["1", "2", "3"]) await failed(store, NAME, n);
  const all = [["a", "1", "reason 1"], ["a.2", "2", "reason 2"], ["a.3", "3", "reason 3"]];
  assertEquals(kept(temp.path), all);

  // A damaged file of that name does not replace a good one.
  await Deno.writeFile(join(temp.path, NAME), Uint8Array.of(1, 0, 0, 0));
  assertEquals(store.claim({ name: NAME, priority: null }).kind, "damaged");
  assertEquals(kept(temp.path).map(([name]) => name), ["a", "a.2", "a.3", "a.4"]);
  assertEquals(kept(temp.path).slice(0, 3), all);

  // Each can be retried and removed by its name.
  assertEquals((await store.retryFailed({ name: `${NAME}.2`, priority: null })).kind, "changed");
  assertEquals((await store.removeFailed({ name: `${NAME}.3`, priority: null })).kind, "changed");
  assertEquals(kept(temp.path).map(([name]) => name), ["a", "a.4"]);
  assertEquals(store.claim({ name: `${NAME}.2`, priority: null }).kind, "claimed");
  store.close();
});

testWith("libc", "a task called like the record of another fails beside it", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  await failed(store, NAME, "1");
  await failed(store, `${NAME}.json`, "2");
  await failed(store, `${NAME}.json`, "3");
  await failed(store, NAME, "4");
  assertEquals(kept(temp.path), [
    ["a", "1", "reason 1"],
    ["a.2", "4", "reason 4"],
    ["a.json.1", "2", "reason 2"],
    ["a.json.2", "3", "reason 3"],
  ]);
  store.close();
});

testWith("libc", "where version 0.1 left a task with the name of a record, it stays", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const dir = join(temp.path, "failed");
  await writeTask(dir, `${NAME}.json`, { n: "old" });
  const record = `{"reason":"old reason","failedAt":1,"attempts":null}\n`;
  await Deno.writeTextFile(join(dir, `${NAME}.json.json`), record);
  await failed(store, NAME, "1");
  assertEquals(kept(temp.path), [["a.2", "1", "reason 1"], ["a.json", "old", "old reason"]]);
  store.close();
});

testWith("libc", "many tasks of one name can fail", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  for (let n = 0; n < 100; n++) await failed(store, NAME, String(n));
  assertEquals(kept(temp.path).length, 100);
  store.close();
});

testWith("libc", "a task with the longest name there is can fail, and is kept", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const name = TASK_PREFIX + "n".repeat(255 - TASK_PREFIX.length);
  const ref = { name, priority: null };
  // Written beside, it would have a longer name.
  await writeTask(store.dir, `${NAME}`, { n: "long" });
  await Deno.rename(join(store.dir, NAME), join(store.dir, name));
  const attempts = { failures: 1, firstFailureAt: 1, lastFailureAt: 1, reason: "no", stderr: "" };
  store.defer(claimNow(store, ref), 1, attempts);
  const again = claimNow(store, ref);
  assertEquals(again.attempts, attempts);
  store.begin(again);
  store.fail(again, "no", attempts);
  assertEquals(namesIn(join(store.dir, ".spooler/attempts")).filter((n) => n.length > 2), []);
  const [[kept1, n, reason] = []] = kept(temp.path);
  assertEquals([TASK_PREFIX + kept1, n, reason], [failedName(name, 1), "long", "no"]);
  store.close();
});

Deno.test("names in failed/ are never longer than a name can be, with a record beside", () => {
  for (const length of [10, 240, 249, 250, 251, 255]) {
    for (const number of [1, 2, 1795713751068]) {
      const name = failedName("x".repeat(length), number);
      assert(name.length + ".json".length <= 255, name);
      assert(name.startsWith("x".repeat(Math.min(length, 230))), name);
    }
  }
});
