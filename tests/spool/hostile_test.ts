/** Whoever may write to a spool directory cannot lead the program out of it, stop it, or fill its memory. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { Inspector } from "../../src/spool/inspect.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openAnew, openStore, seenNames } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const ATTEMPTS = { failures: 1, firstFailureAt: 1, lastFailureAt: 1, reason: "no", stderr: "" };

function run(command: string, ...args: string[]): void {
  assert(new Deno.Command(command, { args }).outputSync().success, command);
}

/** What stands where the program expects a small file of its own. */
const TRAPS: Record<string, (path: string, elsewhere: string) => void> = {
  "a FIFO": (path) => run("mkfifo", path),
  "a link to /dev/zero": (path) => Deno.symlinkSync("/dev/zero", path),
  "a link to a file": (path, elsewhere) => Deno.symlinkSync(elsewhere, path),
  "a sparse file of 100 GB": (path) => run("truncate", "-s", "100G", path),
  "a directory": (path) => Deno.mkdirSync(path),
};

for (const [what, set] of Object.entries(TRAPS)) {
  testWith("libc", `records: ${what} counts as no record`, async () => {
    await using temp = await tempDir();
    const elsewhere = join(temp.path, "elsewhere");
    Deno.writeTextFileSync(elsewhere, `{"reason":"planted","failedAt":1,"attempts":null}`);
    const dir = join(temp.path, "spool");
    const store = await openStore(dir);
    const ref = await store.put({ vars: [] });
    const failing = await store.put({ vars: [] });
    store.fail(claimNow(store, failing), "no", ATTEMPTS);
    Deno.removeSync(join(dir, "failed", `${failing.name}.json`));
    set(join(dir, ".spooler/attempts", `${ref.name}.json`), elsewhere);
    set(join(dir, "failed", `${failing.name}.json`), elsewhere);
    set(join(dir, ".spooler/identity"), elsewhere);

    const task = claimNow(store, ref);
    assertEquals(task.attempts, null);
    const inspector = new Inspector({ dir, clock: systemClock, ...platform });
    const states = [...inspector.list()].flat().map((each) => inspector.inspect(each)?.state);
    assertEquals(states.map((state) => state?.kind).sort(), ["failed", "running"]);
    const isNoRecord = states.every((state) => state?.kind !== "failed" || state.record === null);
    assert(isNoRecord, "the record is believed");
    assertEquals([...store.removeFailedBefore(2)].flat(), []);
    task.release();
    if (what !== "a directory") {
      // Its own record takes the place of what was there.
      store.defer(claimNow(store, ref), 1, ATTEMPTS);
      assertEquals(claimNow(store, ref).attempts, ATTEMPTS);
    }
    store.close();
    assertEquals(Deno.readTextFileSync(elsewhere).includes("planted"), true);
  });

  testWith("libc", `ids: ${what} is not written to`, async () => {
    await using temp = await tempDir();
    const elsewhere = join(temp.path, "elsewhere");
    Deno.writeTextFileSync(elsewhere, "root's\n");
    const dir = join(temp.path, "spool");
    (await openStore(dir)).close();
    set(join(dir, ".spooler/accepted"), elsewhere);
    const store = await openStore(dir);
    await store.putOnce({ vars: [] }, "id-1").catch((error) => {
      assert(what === "a directory", String(error));
    });
    Deno.removeSync(join(dir, ".spooler/accepted"), { recursive: true });
    set(join(dir, ".spooler/accepted"), elsewhere);
    // While it runs: the ids are written anew, or the task is refused.
    await store.putOnce({ vars: [] }, "id-2").catch(() => {});
    store.close();
    assertEquals(Deno.readTextFileSync(elsewhere), "root's\n");
  });

  testWith("libc", `tasks: ${what} stops nobody`, async () => {
    await using temp = await tempDir();
    const elsewhere = join(temp.path, "elsewhere");
    Deno.writeTextFileSync(elsewhere, "another's");
    const dir = join(temp.path, "spool");
    const store = await openStore(dir);
    const name = `${TASK_PREFIX}trap`;
    set(join(dir, name), elsewhere);
    const claimed = store.claim({ name, priority: null });
    const kind = what.startsWith("a sparse") ? "damaged" : "unusable";
    assertEquals(claimed.kind, kind);
    const inspector = new Inspector({ dir, clock: systemClock, ...platform });
    for (const each of [...inspector.list()].flat()) inspector.inspect(each);
    store.close();
    assertEquals(Deno.readTextFileSync(elsewhere), "another's");
  });
}

testWith(
  "libc",
  "a link in place of failed/, of .spooler or of a priority leads nowhere",
  async () => {
    await using temp = await tempDir();
    const outside = join(temp.path, "outside");
    Deno.mkdirSync(outside);
    for (const sub of ["failed", ".spooler", ".spooler/tmp", ".spooler/running", "5"]) {
      const dir = join(temp.path, sub.replace("/", "_"));
      const store = await openStore(dir);
      const ref = await store.put({ vars: [] });
      const first = await store.put({ vars: [], priority: 5 });
      const trap = join(dir, sub);
      Deno.renameSync(trap, `${trap}.away`);
      Deno.symlinkSync(outside, trap);
      const quietly = async (act: () => unknown) => {
        try {
          await act();
        } catch {
          // Refused.
        }
      };
      await quietly(() => store.putOnce({ vars: [] }, "id"));
      await quietly(() => store.put({ vars: [], priority: 5 }));
      await quietly(() => store.claim(first));
      const task = claimNow(store, ref);
      await quietly(() => store.begin(task));
      await quietly(() => store.fail(task, "no", ATTEMPTS));
      await quietly(() => seenNames(store));
      await quietly(() => store.pause());
      await quietly(() => store.sweep());
      await quietly(() => store.close());
      assertEquals([...Deno.readDirSync(outside)], [], sub);
      if (sub !== "5") await assertRejects(() => openAnew(dir), Error, "Not a directory");
    }
  },
);

testWith("root", "directories of the program's own must not be somebody else's", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  (await openStore(dir)).close();
  Deno.chownSync(join(dir, ".spooler"), 12345, 12345);
  await assertRejects(() => openAnew(dir), Error, "belongs to user 12345");
  // To the spool's owner they may belong.
  Deno.chownSync(dir, 12345, 12345);
  (await openAnew(dir)).close();
});

testWith("root", "a record that another user wrote is not believed", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const ref = await store.put({ vars: [] });
  store.defer(claimNow(store, ref), 1, ATTEMPTS);
  Deno.chownSync(join(temp.path, ".spooler/attempts", `${ref.name}.json`), 12345, 12345);
  assertEquals(claimNow(store, ref).attempts, null);
  store.close();
});

testWith("libc", "a file with two names is not written to", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const other = join(temp.path, "other");
  const store = await openStore(dir);
  Deno.writeTextFileSync(other, "");
  await store.putOnce({ vars: [] }, "a");
  store.close();
  Deno.removeSync(join(dir, ".spooler/accepted"));
  const next = await openStore(dir);
  Deno.linkSync(other, join(dir, ".spooler/accepted"));
  await assertRejects(() => next.putOnce({ vars: [] }, "b"), Error, "Operation not permitted");
  assertEquals(Deno.readTextFileSync(other), "");
  next.close();
});
