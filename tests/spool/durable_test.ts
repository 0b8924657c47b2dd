/** What must be on disk before a task counts as accepted, and what a failed sync means. */

import { join } from "@std/path";
import { systemClock } from "../../src/platform/clock.ts";
import { type Files, type OpenFile, systemFiles } from "../../src/spool/files.ts";
import { Store } from "../../src/spool/store.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { openStore, seenNames } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

/** Files whose syncs are noted, and wait or fail where the test says so. */
class SyncedFiles implements Files {
  readonly synced: string[] = [];
  onSync: (path: string) => Promise<void> | void = () => {};

  #file(path: string, file: OpenFile): OpenFile {
    const sync = async () => {
      await this.onSync(path);
      await file.sync();
      this.synced.push(path);
    };
    const syncSync = () => {
      file.syncSync();
      this.synced.push(path);
    };
    return {
      write: (bytes) => file.write(bytes),
      writeSync: (bytes) => file.writeSync(bytes),
      seekSync: (offset, whence) => file.seekSync(offset, whence),
      utime: (atime, mtime) => file.utime(atime, mtime),
      close: () => file.close(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
      ...{ sync, syncSync },
    };
  }

  async open(...args: Parameters<Files["open"]>): Promise<OpenFile> {
    return this.#file(args[0], await systemFiles.open(...args));
  }

  openSync(...args: Parameters<Files["openSync"]>): OpenFile {
    return this.#file(args[0], systemFiles.openSync(...args));
  }

  createSync = systemFiles.createSync;
  createWholeSync = systemFiles.createWholeSync;
  mkdirSync = systemFiles.mkdirSync;
  removeDirectorySync = systemFiles.removeDirectorySync;
  rename = systemFiles.rename;
  renameSync = systemFiles.renameSync;
  renameToNewSync = systemFiles.renameToNewSync;
  remove = systemFiles.remove;
  removeSync = systemFiles.removeSync;
  utimeSync = systemFiles.utimeSync;
}

function open(dir: string, files: Files): Promise<Store> {
  return Store.open({
    ...{ dir, fsync: true, files, clock: systemClock, random: Math.random },
    dedupWindowMs: 3_600_000,
    ...platform,
  });
}

Deno.test("every directory that a first start makes is on disk, and so is its name", async () => {
  await using temp = await tempDir();
  const files = new SyncedFiles();
  const dir = join(temp.path, "a/b/spool");
  const store = await open(dir, files);
  const subs = [".spooler", ".spooler/tmp", ".spooler/attempts", ".spooler/running", "failed"];
  for (const sub of subs) assert(files.synced.includes(join(dir, sub)), sub);
  for (const each of [dir, join(temp.path, "a/b"), join(temp.path, "a")]) {
    assert(files.synced.includes(each), each);
  }
  store.close();
  // Made by somebody else just before: its name may not be on disk.
  Deno.mkdirSync(join(temp.path, "other"));
  files.synced.length = 0;
  (await open(join(temp.path, "other"), files)).close();
  assert(files.synced.includes(join(temp.path, "other")));
});

Deno.test("a task in a new priority is accepted when the directory's name is on disk, whoever made it", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const files = new SyncedFiles();
  const store = await open(dir, files);
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  files.onSync = (path) => {
    if (path !== dir) return;
    reached.resolve();
    return gate.promise;
  };
  const accepted: number[] = [];
  const puts = [1, 2].map(async (n) => {
    await store.put({ vars: [], priority: 5 });
    accepted.push(n);
  });
  await reached.promise;
  // The directory is there and may be used: its own sync says nothing about its name.
  while (!files.synced.includes(join(dir, "5"))) await Deno.lstat(dir);
  for (let turn = 0; turn < 50; turn++) await Deno.lstat(dir);
  assertEquals(accepted, []);
  gate.resolve();
  await Promise.all(puts);
  assertEquals(seenNames(store).length, 2);
  // Made by another program: it may not be on disk either.
  Deno.mkdirSync(join(dir, "6"));
  files.synced.length = 0;
  await store.put({ vars: [], priority: 6 });
  assert(files.synced.includes(dir));
  store.close();
});

Deno.test("a task whose sync failed is refused, and a later sync proves nothing about it", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const files = new SyncedFiles();
  const store = await open(dir, files);
  await store.putOnce({ vars: [] }, "before");
  const accepted = join(dir, ".spooler/accepted");
  Deno.writeTextFileSync(accepted, "the old file\n", { append: true });
  files.onSync = (path) => {
    if (path === accepted) throw new Error("EIO");
  };
  await assertRejects(() => store.putOnce({ vars: [] }, "id"), Error, "EIO");
  files.onSync = () => {};
  assert(await store.putOnce({ vars: [] }, "id") !== null);
  // What the kernel dropped of the old file nobody knows: there is a new one.
  assert(!Deno.readTextFileSync(accepted).includes("the old file"));
  store.close();
  const next = await openStore(dir);
  for (const id of ["before", "id"]) assertEquals(await next.putOnce({ vars: [] }, id), null);
  next.close();
});

Deno.test("a full spool is counted, not listed for every task that it refuses", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const limits = { maxFiles: 500, minFreeBytes: null };
  let now = 0;
  const clock = { ...systemClock, monotonic: () => now += 1 };
  const store = await Store.open({
    ...{ dir, fsync: false, limits, clock, random: Math.random },
    ...platform,
  });
  let full = 0;
  const put = () => store.put({ vars: [] }).catch(() => full++);
  for (let n = 0; n < 500; n++) await put();
  assertEquals(full, 0);
  const before = now;
  for (let n = 0; n < 1000; n++) await put();
  assertEquals(full, 1000);
  // Each count reads the clock several times; a refusal without one reads it once.
  const readings = now - before - 1000;
  assert(readings < 500, `${readings} readings for counts`);
  store.close();
});

Deno.test("bodies under way count against spooler-min-free", async () => {
  await using temp = await tempDir();
  const free = (() => {
    const text = new Deno.Command("df", { args: ["-B1", "--output=avail", temp.path] })
      .outputSync();
    return Number(new TextDecoder().decode(text.stdout).split("\n")[1]);
  })();
  const limits = { maxFiles: null, minFreeBytes: Math.floor(free / 2) };
  const store = await Store.open({
    ...{ dir: join(temp.path, "spool"), fsync: false, limits, clock: systemClock },
    ...{ random: Math.random, ...platform },
  });
  const gate = Promise.withResolvers<void>();
  async function* slow() {
    await gate.promise;
    yield new Uint8Array(10);
  }
  const bodySize = Math.floor(free / 3);
  const first = store.put({ vars: [], body: slow(), bodySize });
  await assertRejects(() => store.put({ vars: [], bodySize }), Error, "spooler-min-free");
  gate.resolve();
  await first;
  store.close();
});

Deno.test("a spool that nobody watches goes on after its directory is deleted", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const store = await openStore(dir);
  await store.putOnce({ vars: [] }, "before");
  await Deno.remove(dir, { recursive: true });
  await store.put({ vars: [] });
  assertEquals(await store.putOnce({ vars: [] }, "before"), null);
  assertEquals(seenNames(store).length, 1);
  store.close();
});
