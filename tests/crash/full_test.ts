/** A file system that fills up: a put fails, says so and leaves nothing; nothing accepted is lost. */

import { join } from "@std/path";
import { isTaskName, TMP_DIR } from "../../src/spool/layout.ts";
import { sendTask } from "../../src/wire/client.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { smallFileSystem } from "../support/mount.ts";
import { Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { portIn } from "../support/site.ts";
import { claimNow, openStore, seenNames, varsOf } from "../support/store.ts";

const SIZE_KIB = 256;

/** Writes until nothing more fits. */
function fillDisk(dir: string): void {
  using file = Deno.openSync(join(dir, "ballast"), { write: true, create: true });
  assertThrows(
    () => {
      while (true) file.writeSync(new Uint8Array(512));
    },
    Error,
    "No space left",
  );
}
const BODY = new Uint8Array(20_000).fill(66);

/** Puts until it throws; returns how many were accepted. */
async function fill(put: () => Promise<unknown>): Promise<number> {
  for (let count = 0; count < 2 * SIZE_KIB; count++) {
    try {
      await put();
    } catch (error) {
      assert(String(error).includes("No space left on device"), String(error));
      return count;
    }
  }
  throw new Error("the file system does not fill up");
}

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name);
}

testWith(
  "mount",
  "a put on a full disk fails and leaves nothing; room makes it work again",
  async () => {
    await using disk = await smallFileSystem(SIZE_KIB);
    const store = await openStore(join(disk.path, "spool"));
    const task = { vars: [], body: BODY };
    const accepted = await fill(() => store.put(task));
    assert(accepted > 2);
    assertEquals(namesIn(join(store.dir, TMP_DIR)), []);
    assertEquals(seenNames(store).length, accepted);
    await assertRejects(() => store.put(task), Error, "No space left");

    const [first] = [...store.scan()].flat();
    assert(first);
    store.finish(claimNow(store, first));
    await store.put(task);
    for (const seen of [...store.scan()].flat()) {
      const claimed = claimNow(store, seen);
      assertEquals(claimed.bodySize, BODY.length);
      store.finish(claimed);
    }
    assertEquals(seenNames(store), []);
    store.close();
  },
);

testWith("mount", "on a full disk no id is known whose task was refused", async () => {
  await using disk = await smallFileSystem(SIZE_KIB);
  const dir = join(disk.path, "spool");
  const store = await openStore(dir);
  // Tasks of odd sizes, so that the end of the room meets every kind of write.
  const task = (n: number) => ({ vars: [], body: BODY.subarray(0, (n * 997) % 3000) });
  const accepted: number[] = [];
  const refused: number[] = [];
  for (let n = 0; refused.length < 50; n++) {
    try {
      await store.putOnce(task(n), `id-${n}`);
      accepted.push(n);
    } catch (error) {
      assert(String(error).includes("No space left on device"), String(error));
      refused.push(n);
    }
  }
  assert(accepted.length > 20);
  for (const seen of seenNames(store).slice(10)) Deno.removeSync(join(dir, seen));
  store.close();

  const next = await openStore(dir);
  for (const n of accepted) assertEquals(await next.putOnce(task(n), `id-${n}`), null, `id-${n}`);
  for (const n of refused.slice(0, 10)) assert(await next.putOnce(task(n), `id-${n}`) !== null);
  assertEquals(seenNames(next).length, 20);
  next.close();
});

testWith("mount", "a store opens on a full disk, and forgets nothing by it", async () => {
  await using disk = await smallFileSystem(SIZE_KIB);
  const dir = join(disk.path, "spool");
  const store = await openStore(dir);
  const task = { vars: [] };
  await store.putOnce(task, "done");
  store.close();
  // A program died right before its rename, long ago, and then the disk became full.
  const half = join(dir, TMP_DIR, "half");
  Deno.writeTextFileSync(half, "x");
  Deno.writeTextFileSync(join(dir, ".spooler/accepted"), "+ 9e15 id-1 half .\n", { append: true });
  const ballast = join(disk.path, "ballast");
  await fill(() => Deno.writeFile(ballast, new Uint8Array(1000), { append: true }));

  const later = new FakeClock(Date.now() + 600_000);
  const full = await openStore(dir, later);
  assertEquals(full.sweep(), 0);
  assertEquals(await full.putOnce(task, "done"), null);
  full.close();
  Deno.removeSync(ballast);
  const next = await openStore(dir, later);
  assertEquals(next.sweep(), 1);
  assertEquals(await next.putOnce(task, "done"), null);
  assert(await next.putOnce(task, "id-1") !== null);
  next.close();
});

testWith("mount", "a task that fails on a full disk is not lost", async () => {
  await using disk = await smallFileSystem(SIZE_KIB);
  const store = await openStore(join(disk.path, "spool"));
  const ref = await store.put({ vars: [], body: BODY });
  const ballast = join(disk.path, "ballast");
  const file = Deno.openSync(ballast, { write: true, create: true });
  try {
    while (true) file.writeSync(new Uint8Array(512));
  } catch (error) {
    assert(String(error).includes("No space left"), String(error));
  } finally {
    file.close();
  }

  const task = claimNow(store, ref);
  try {
    store.fail(task, "exit code 65", null);
  } catch (error) {
    // Its record found no room: cannot open it, the old log stays.
    assert(String(error).includes("No space left"), String(error));
    task.release();
  }
  assertEquals(seenNames(store), [ref.name]);
  Deno.removeSync(ballast);
  store.fail(claimNow(store, ref), "exit code 65", null);
  assert(namesIn(join(store.dir, "failed")).includes(ref.name));
  assertEquals(seenNames(store), []);
  store.close();
});

testWith(
  "mount",
  "a full disk can be drained, though nothing can be noted of what runs",
  async () => {
    await using disk = await smallFileSystem(SIZE_KIB);
    const dir = join(disk.path, "spool");
    const store = await openStore(dir);
    const refs = [await store.put({ vars: [] }), await store.put({ vars: [] })];
    store.close();
    fillDisk(disk.path);

    const fresh = await openStore(dir);
    for (const ref of refs) {
      const task = claimNow(fresh, ref);
      fresh.begin(task);
      fresh.finish(task);
    }
    assertEquals(seenNames(fresh), []);
    assertEquals(namesIn(join(dir, ".spooler/running")).length <= 1, true);
    fresh.close();
    assertEquals(namesIn(join(dir, ".spooler/running")), []);
  },
);

testWith("mount", "a disk that fills up while tasks run does not end their runs", async () => {
  await using disk = await smallFileSystem(SIZE_KIB);
  const store = await openStore(join(disk.path, "spool"));
  for (let n = 0; n < 8; n++) await store.put({ vars: [] });
  const tasks = [...store.scan()].flat().map((seen) => claimNow(store, seen));
  const [first] = tasks;
  assert(first);
  store.begin(first);
  fillDisk(disk.path);

  // There is no room for all of their notes.
  for (const task of tasks) {
    store.begin(task);
    store.noteProcess(task, "boot 1 2");
  }
  for (const task of tasks) store.finish(task);
  assertEquals(seenNames(store), []);
  store.close();
});

testWith("mount", `${programLabel}: a full disk refuses tasks, and takes them again`, async () => {
  await using disk = await smallFileSystem(SIZE_KIB);
  const ini = join(disk.path, "site.ini");
  const ballast = join(disk.path, "ballast");
  await Deno.writeTextFile(
    ini,
    "[uwsgi]\nspooler = spool\nspooler-task = true\nsocket = 127.0.0.1:0\n",
  );
  await Deno.writeFile(ballast, new Uint8Array(100_000));
  await using program = await Program.start(["--ini", ini]);
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const push = () =>
    sendTask(
      { kind: "tcp", host: "127.0.0.1", port },
      // Not before the year 2100: it is to stay and take room.
      varsOf({ at: "4102444800", filler: "x".repeat(20_000) }),
    );
  let accepted = 0;
  while (await push()) assert(++accepted < SIZE_KIB);
  await program.line(/refuses new tasks: .*No space left on device/);
  const spool = join(disk.path, "spool");
  assertEquals(namesIn(spool).filter(isTaskName).length, accepted);
  assertEquals(namesIn(join(spool, TMP_DIR)), []);

  await Deno.remove(ballast);
  assertEquals(await push(), true);
  assertEquals(namesIn(spool).filter(isTaskName).length, accepted + 1);
  assertEquals(await program.stop(), 0);
});
