/** What the next program learns of tasks that ran when this one died. */

import { join } from "@std/path";
import { RUNNING_DIR, taskId } from "../../src/spool/layout.ts";
import { assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openAnew, openStore } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

testWith("libc", "the process of a task that was handed to a worker before is known", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const store = await openStore(dir);
  const first = await store.put({ vars: [] });
  const second = await store.put({ vars: [] });
  const ids = [first, second].map(taskId);
  // A worker has returned the first, which is a command's, and still has the second.
  store.beginBatch(ids);
  const task = claimNow(store, first);
  store.begin(task);
  store.noteProcess(task, "the process");
  const next = await openAnew(dir);
  assertEquals(next.crashedProcess(first), null);
  assertEquals(next.remembered(), new Set(ids));
  assertEquals(next.crashedProcess(first), "the process");
  assertEquals(next.crashedProcess(second), null);
  next.close();
  store.close();
});

testWith("libc", "a batch whose file is gone ends none in the file after it", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const store = await openStore(dir);
  const id = taskId(await store.put({ vars: [] }));
  const old = store.beginBatch([id]);
  for (const { name } of [...Deno.readDirSync(join(dir, RUNNING_DIR))]) {
    Deno.removeSync(join(dir, RUNNING_DIR, name));
  }
  // Notices that it is gone.
  store.remembered();
  store.beginBatch([id]);
  if (old) store.endBatch(old);
  const next = await openAnew(dir);
  assertEquals(next.remembered(), new Set([id]));
  next.close();
  store.close();
});
