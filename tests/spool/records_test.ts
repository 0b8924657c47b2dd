/** The version in failed/*.json and .spooler/attempts/*.json. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { Inspector } from "../../src/spool/inspect.ts";
import type { PlacedTask } from "../../src/spool/inspected.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import type { Attempts } from "../../src/spool/task.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { claimNow, openStore } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const NAME = `${TASK_PREFIX}a`;
const REF = { name: NAME, priority: null };
const ATTEMPTS: Attempts = {
  failures: 1,
  firstFailureAt: 1000,
  lastFailureAt: 1000,
  reason: "exit code 3",
  stderr: "",
};
const LATER = "its record has version 2, of a later program";

async function json(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(path));
}

Deno.test("attempts/*.json and failed/*.json carry a version", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  await writeTask(temp.path, NAME, {});
  store.defer(claimNow(store, REF), 0, ATTEMPTS);
  const attempts = await json(join(temp.path, ".spooler/attempts", `${NAME}.json`));
  assertEquals(attempts, { version: 1, ...ATTEMPTS });
  store.fail(claimNow(store, REF), "exit code 4", ATTEMPTS);
  const { failedAt, ...failed } = await json(join(temp.path, "failed", `${NAME}.json`));
  assertEquals(failed, { version: 1, reason: "exit code 4", attempts: { ...ATTEMPTS } });
  assert(typeof failedAt === "number");
  store.close();
});

Deno.test("a task whose attempts a later program has written is refused, and left as it is", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  await writeTask(temp.path, NAME, {});
  const record = join(temp.path, ".spooler/attempts", `${NAME}.json`);
  const text = JSON.stringify({ version: 2, tries: [], outcome: "done" });
  await Deno.writeTextFile(record, text);
  assertEquals(store.claim(REF), { kind: "unusable", reason: LATER });
  assertEquals(inspect(temp.path, { ...REF, place: "queue" }), [null, LATER]);
  assertEquals(await Deno.readTextFile(record), text);
  // Without that record it is a task like any other.
  await Deno.remove(record);
  claimNow(store, REF).release();
  store.close();
});

Deno.test("the record in failed/ of a later program is named, and the task can be retried", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  await writeTask(join(temp.path, "failed"), NAME, {});
  await Deno.writeTextFile(join(temp.path, "failed", `${NAME}.json`), '{"version":2}');
  assertEquals(inspect(temp.path, { ...REF, place: "failed" }), [null, LATER]);
  // It counts from the last change of its file on, as without a record.
  assertEquals([...store.removeFailedBefore(0)].flat(), []);
  assertEquals(await store.retryFailed(REF), { kind: "changed", was: "failed" });
  claimNow(store, REF).release();
  store.close();
});

function inspect(dir: string, task: PlacedTask): (Attempts | string | null)[] {
  const seen = new Inspector({ dir, clock: systemClock, ...platform }).inspect(task);
  assert(seen !== null);
  return [seen.attempts, seen.recordProblem];
}
