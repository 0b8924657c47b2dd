/** What a start makes of the journals that it finds: on the same boot, on another one, and on a disk that refuses. */

import { join } from "@std/path";
import { FAILED_DIR, taskId, type TaskRef, TMP_DIR } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { FaultyFiles } from "../support/faults.ts";
import { openJournalled, refusingCalls, SMALL_RING } from "../support/journals.ts";
import { testWith } from "../support/require.ts";
import { claimNow, seenNames, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const HOUR_MS = 3_600_000;
const BODY = new TextEncoder().encode("the body");
const TASK = { vars: varsOf({ ud_spool_func: "x", colour: "red" }), body: BODY };

interface World extends AsyncDisposable {
  readonly dir: string;
  readonly store: Store;
  path(ref: TaskRef): string;
  /** The next start of the program, on another boot or on the same. */
  next(boot: "same" | "other"): Promise<{ store: Store; warnings: string[] }>;
}

/** A program that dies without a word: its store is closed, and nothing is reclaimed. */
async function world(): Promise<World> {
  const temp = await tempDir();
  const dir = join(temp.path, "spool");
  const { store } = await openJournalled(dir, "boot-1");
  const open: Store[] = [store];
  return {
    dir,
    store,
    path: (ref) => join(dir, taskId(ref)),
    async next(boot) {
      for (const each of open.splice(0)) each.close();
      const opened = await openJournalled(dir, boot === "same" ? "boot-1" : "boot-2");
      open.push(opened.store);
      return opened;
    },
    async [Symbol.asyncDispose]() {
      for (const each of open) each.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

function bytesOf(path: string): string {
  return new TextDecoder("latin1").decode(Deno.readFileSync(path));
}

testWith(
  "libc",
  "after a power cut what is in the journal and not in the spool is put back",
  async () => {
    await using it = await world();
    const at = Date.now() + HOUR_MS;
    const plain = await it.store.put(TASK);
    const deferred = await it.store.put({ ...TASK, priority: 7, at });
    const kept = await it.store.put(TASK);
    const before = bytesOf(it.path(plain));
    Deno.removeSync(it.path(plain));
    Deno.removeSync(join(it.dir, "7"), { recursive: true });
    const { store, warnings } = await it.next("other");
    assertEquals(warnings, ["put 2 tasks back that a power cut had taken"]);
    assertEquals(bytesOf(it.path(plain)), before);
    assertEquals(bytesOf(it.path(deferred)), before);
    const { mtime, mode } = Deno.statSync(it.path(deferred));
    assert(Math.abs((mtime?.getTime() ?? 0) - at) < 2);
    assertEquals((mode ?? 0) & 0o777, 0o600);
    assertEquals(
      seenNames(store).toSorted(),
      [plain, deferred, kept].map(({ name }) => name).toSorted(),
    );
  },
);

testWith("libc", "on the same boot the directory is the truth", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  Deno.removeSync(it.path(ref));
  const { store, warnings } = await it.next("same");
  assertEquals(warnings, []);
  assertEquals(seenNames(store), []);
});

testWith("libc", "what the same boot left in the journal is put back by the next", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  await (await it.next("same")).store.put(TASK);
  Deno.removeSync(it.path(ref));
  const { warnings } = await it.next("other");
  assertEquals(warnings, ["put 1 task back that a power cut had taken"]);
});

testWith("libc", "what was put back is put back once", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  Deno.removeSync(it.path(ref));
  const { store } = await it.next("other");
  store.finish(claimNow(store, ref));
  assertEquals((await it.next("same")).warnings, []);
  assertEquals((await it.next("other")).warnings, []);
});

testWith("libc", "what is reclaimed is not put back", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  await it.store.finishJournal();
  Deno.removeSync(it.path(ref));
  const { warnings } = await it.next("other");
  assertEquals(warnings, []);
});

testWith(
  "libc",
  "a task that is done is not put back, and what a cut left of it goes",
  async () => {
    await using it = await world();
    const refs = [await it.store.put(TASK), await it.store.put(TASK), await it.store.put(TASK)];
    for (const ref of refs) it.store.finish(claimNow(it.store, ref));
    const [, empty, whole] = refs as [TaskRef, TaskRef, TaskRef];
    Deno.writeTextFileSync(it.path(empty), "");
    const { store, warnings } = await it.next("other");
    assertEquals(warnings, ["removed what a power cut had left of 1 task already done"]);
    assertEquals(seenNames(store), []);
    assert(whole);
  },
);

testWith("libc", "an operator's remove is not undone", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  assertEquals(await it.store.remove(ref), { kind: "changed", was: "ready" });
  assertEquals((await it.next("other")).warnings, []);
});

testWith(
  "libc",
  "a file that a cut left empty, short or with other bytes is made whole",
  async () => {
    await using it = await world();
    const refs: TaskRef[] = [];
    for (let n = 0; n < 4; n++) refs.push(await it.store.put(TASK));
    const [empty, short, other, fine] = refs.map((ref) => it.path(ref)) as [
      string,
      string,
      string,
      string,
    ];
    const before = bytesOf(fine);
    Deno.truncateSync(empty);
    Deno.truncateSync(short, 20);
    Deno.writeFileSync(other, new Uint8Array(before.length));
    const later = (Date.now() + HOUR_MS) / 1000;
    Deno.utimeSync(short, later, later);
    const inode = Deno.statSync(fine).ino;
    const { warnings } = await it.next("other");
    assertEquals(warnings, ["made the files of 3 tasks whole that a power cut had damaged"]);
    for (const ref of refs) assertEquals(bytesOf(it.path(ref)), before);
    assertEquals(Deno.statSync(fine).ino, inode);
    // It had been deferred.
    assert(Math.abs((Deno.statSync(short).mtime?.getTime() ?? 0) / 1000 - later) < 0.01);
  },
);

testWith("libc", "a task counts as there wherever its file is", async () => {
  await using it = await world();
  const refs: TaskRef[] = [];
  for (let n = 0; n < 4; n++) {
    refs.push(await it.store.put(n === 2 ? { ...TASK, priority: 3 } : TASK));
  }
  const [failed, second, moved, retried] = refs as [TaskRef, TaskRef, TaskRef, TaskRef];
  it.store.fail(claimNow(it.store, failed), "no", null);
  Deno.renameSync(it.path(second), join(it.dir, FAILED_DIR, `${second.name}.2`));
  Deno.mkdirSync(join(it.dir, "9"));
  Deno.renameSync(it.path(moved), join(it.dir, "9", moved.name));
  Deno.renameSync(it.path(retried), `${it.path(retried)}.2`);
  const damaged = join(it.dir, FAILED_DIR, failed.name);
  const before = bytesOf(damaged);
  Deno.truncateSync(damaged);
  const { store, warnings } = await it.next("other");
  assertEquals(warnings, ["made the files of 1 task whole that a power cut had damaged"]);
  assertEquals(bytesOf(damaged), before);
  assertEquals(seenNames(store).toSorted(), [moved.name, `${retried.name}.2`].toSorted());
});

testWith("libc", "a task that its sender deferred is not early after a cut", async () => {
  await using it = await world();
  const at = Date.now() + HOUR_MS;
  const ref = await it.store.put({ ...TASK, at });
  Deno.utimeSync(it.path(ref), 1, 1);
  await it.next("other");
  assert(Math.abs((Deno.statSync(it.path(ref)).mtime?.getTime() ?? 0) - at) < 2);
});

testWith("libc", "the ids of what is put back are known", async () => {
  await using it = await world();
  const ref = await it.store.putOnce(TASK, "id-1");
  assert(ref);
  Deno.removeSync(it.path(ref));
  Deno.removeSync(join(it.dir, ".spooler/accepted"));
  const { store } = await it.next("other");
  assertEquals(await store.putOnce(TASK, "id-1"), null);
  assertEquals(seenNames(store), [ref.name]);
  assert(await store.putOnce(TASK, "id-2"));
});

testWith("libc", "two programs have a journal each, and both are heard after a cut", async () => {
  await using it = await world();
  const first = await it.store.put(TASK);
  const { store: other } = await openJournalled(it.dir, "boot-1");
  const second = await other.put(TASK);
  const names = [...Deno.readDirSync(join(it.dir, ".spooler"))].map(({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("journal")).toSorted(), [
    "journal",
    "journal.1",
  ]);
  other.close();
  // The first still runs: its journal is its own.
  const { store: third, warnings } = await openJournalled(it.dir, "boot-2");
  third.close();
  assertEquals(warnings, []);
  for (const ref of [first, second]) Deno.removeSync(it.path(ref));
  const { store } = await it.next("other");
  assertEquals(seenNames(store), [first.name]);
});

testWith("libc", "what one program has taken and another has done is not put back", async () => {
  await using it = await world();
  const { store: other } = await openJournalled(it.dir, "boot-1");
  // Marks are written where tasks have come in.
  await other.put(TASK);
  const ref = await it.store.put(TASK);
  other.finish(claimNow(other, ref));
  other.close();
  assertEquals((await it.next("other")).warnings, []);
});

testWith("libc", "a spool that is moved to another machine takes its journal along", async () => {
  await using it = await world();
  await using there = await tempDir();
  const ref = await it.store.put(TASK);
  const dir = join(there.path, "spool");
  const copied = await new Deno.Command("cp", { args: ["-a", it.dir, dir] }).output();
  assert(copied.success);
  Deno.removeSync(join(dir, ref.name));
  const { store, warnings } = await openJournalled(dir, "boot of another machine");
  assertEquals(warnings, ["put 1 task back that a power cut had taken"]);
  assertEquals(seenNames(store), [ref.name]);
  store.close();
});

testWith(
  "libc",
  "a journal of a later version, or none of ours, is left as it is, and that is said",
  async () => {
    await using it = await world();
    await it.store.put(TASK);
    await it.next("same");
    const journal = join(it.dir, ".spooler/journal");
    {
      using file = Deno.openSync(journal, { write: true });
      for (const offset of [0, 4096]) {
        file.seekSync(offset + 16, Deno.SeekMode.Start);
        file.writeSync(new Uint8Array([2]));
      }
    }
    const before = bytesOf(journal);
    const { store, warnings } = await it.next("other");
    assertEquals(warnings, [
      `${journal} is left as it is: its format is version 2, of a later program`,
    ]);
    await store.put(TASK);
    assertEquals(bytesOf(journal), before);
    assert(Deno.statSync(`${journal}.1`).isFile);
  },
);

testWith("libc", "a journal that is damaged is left as it is, and that is said", async () => {
  await using it = await world();
  await it.store.put(TASK);
  const journal = join(it.dir, ".spooler/journal");
  Deno.writeTextFileSync(journal, "no journal");
  const { warnings } = await it.next("other");
  assertEquals(warnings, [`${journal} is left as it is: it is damaged`]);
  assertEquals(Deno.readTextFileSync(journal), "no journal");
});

testWith("libc", "a link in the place of a journal is not followed", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  (await openJournalled(dir, "boot-1")).store.close();
  Deno.writeTextFileSync(join(temp.path, "precious"), "precious");
  Deno.symlinkSync(join(temp.path, "precious"), join(dir, ".spooler/journal"));
  const { store, warnings } = await openJournalled(dir, "boot-1");
  await store.put(TASK);
  store.close();
  assertEquals(warnings.length, 1);
  assertEquals(Deno.readTextFileSync(join(temp.path, "precious")), "precious");
});

testWith(
  "libc",
  "records that cannot be read are counted, and the others are put back",
  async () => {
    await using it = await world();
    const refs = [await it.store.put(TASK), await it.store.put(TASK), await it.store.put(TASK)];
    for (const ref of refs) Deno.removeSync(it.path(ref));
    const journal = join(it.dir, ".spooler/journal");
    const bytes = Deno.readFileSync(journal);
    const name = (refs[1] as TaskRef).name;
    const at = bytesOf(journal).indexOf(name);
    bytes[at + 5] = (bytes[at + 5] as number) ^ 1;
    Deno.writeFileSync(journal, bytes);
    const { store, warnings } = await it.next("other");
    assertEquals(warnings, [
      `${journal} has 1 damaged record: tasks may be lost`,
      "put 2 tasks back that a power cut had taken",
    ]);
    assert(!seenNames(store).includes(name));
  },
);

testWith(
  "libc",
  "a full disk leaves nothing of a journal, and tasks are synced themselves",
  async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const calls = refusingCalls();
    const { store, warnings } = await openJournalled(dir, "boot-1", { calls });
    for (const call of ["allocate", "write", "sync"] as const) {
      calls.failing = new Set([call]);
      assertEquals(store.openJournal(), null);
      assertEquals([...Deno.readDirSync(join(dir, ".spooler/tmp"))], []);
    }
    assertEquals(warnings.length, 3);
    assert(warnings[0]?.startsWith("it goes on without a journal: allocate "), warnings[0]);
    await store.put(TASK);
    assertEquals(seenNames(store).length, 1);
    store.close();
  },
);

testWith("libc", "when the journal cannot be synced, syncfs puts its tasks on disk", async () => {
  await using temp = await tempDir();
  const calls = refusingCalls();
  const { store } = await openJournalled(join(temp.path, "spool"), "boot-1", { calls });
  await store.put(TASK);
  calls.failing.add("sync");
  await Promise.all([store.put(TASK), store.putOnce(TASK, "id-1")]);
  // One for both.
  assertEquals(calls.syncs, 1);
  assertEquals(await store.putOnce(TASK, "id-1"), null);
  // From now on without a journal.
  await store.put(TASK);
  assertEquals(calls.syncs, 1);
  assertEquals(seenNames(store).length, 4);
  store.close();
});

testWith(
  "libc",
  "when nothing can be synced a task is refused, and does not come back",
  async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const calls = refusingCalls();
    const { store } = await openJournalled(dir, "boot-1", { calls });
    const ref = await store.put(TASK);
    calls.failing = new Set(["sync", "syncFileSystem"]);
    await assertRejects(() => store.put(TASK), Error);
    assertEquals(seenNames(store), [ref.name]);
    store.close();
    Deno.removeSync(join(dir, ref.name));
    const { store: next, warnings } = await openJournalled(dir, "boot-2");
    assertEquals(warnings, ["put 1 task back that a power cut had taken"]);
    assertEquals(seenNames(next), [ref.name]);
    next.close();
  },
);

testWith(
  "libc",
  "a task whose id cannot be written down is refused, and does not come back",
  async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const files = new FaultyFiles("fails", Infinity);
    const { store } = await openJournalled(dir, "boot-1", { store: { files } });
    const { openSync } = files;
    files.openSync = (path, options) => {
      if (path.endsWith("/accepted")) throw new Error("no space left");
      return openSync.call(files, path, options);
    };
    await assertRejects(() => store.putOnce(TASK, "id-1"), Error, "no space left");
    assertEquals(seenNames(store), []);
    store.close();
    const { store: next, warnings } = await openJournalled(dir, "boot-2");
    assertEquals([seenNames(next), warnings], [[], []]);
    next.close();
  },
);

testWith(
  "libc",
  "when the journal is full tasks are synced themselves until it is reclaimed",
  async () => {
    await using temp = await tempDir();
    const calls = refusingCalls();
    const { store } = await openJournalled(join(temp.path, "spool"), "boot-1", { calls });
    const large = { ...TASK, body: new Uint8Array(60_000) };
    const count = Math.ceil(SMALL_RING / 60_000) * 4;
    await Promise.all(Array.from({ length: count }, () => store.put(large)));
    await store.put({ ...TASK, body: new Uint8Array(200_000) });
    assertEquals(seenNames(store).length, count + 1);
    await store.finishJournal();
    assert(calls.syncs > 0);
    store.close();
  },
);

testWith(
  "libc",
  "when not all files reach the disk the journal is kept, and not used on",
  async () => {
    await using temp = await tempDir();
    const dir = join(temp.path, "spool");
    const calls = refusingCalls();
    const { store, warnings } = await openJournalled(dir, "boot-1", { calls });
    const ref = await store.put(TASK);
    calls.failing.add("syncFileSystem");
    await store.finishJournal();
    assertEquals(warnings, [
      "not all files could be written to the disk (syncfs): it goes on without a journal",
    ]);
    await store.put(TASK);
    store.close();
    Deno.removeSync(join(dir, ref.name));
    const next = await openJournalled(dir, "boot-2");
    assertEquals(next.warnings, ["put 1 task back that a power cut had taken"]);
    next.store.close();
  },
);

testWith("libc", "a spool that is deleted and made again has a journal of its own", async () => {
  await using it = await world();
  await it.store.put(TASK);
  Deno.removeSync(it.dir, { recursive: true });
  const ref = await it.store.put(TASK);
  Deno.removeSync(it.path(ref));
  const { warnings } = await it.next("other");
  assertEquals(warnings, ["put 1 task back that a power cut had taken"]);
});

testWith("libc", "without fsync nothing is journalled, and what was is reclaimed", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  it.store.close();
  const { store } = await openJournalled(it.dir, "boot-1", { store: { fsync: false } });
  await store.put(TASK);
  await store.finishJournal();
  store.close();
  Deno.removeSync(it.path(ref));
  assert(![...Deno.readDirSync(join(it.dir, ".spooler"))].some(({ name }) => name === "journal"));
  assertEquals((await it.next("other")).warnings, []);
});

testWith("libc", "what there is no room for is put back when there is", async () => {
  await using it = await world();
  const refs = [await it.store.put(TASK), await it.store.put(TASK)] as [TaskRef, TaskRef];
  it.store.close();
  for (const ref of refs) Deno.removeSync(it.path(ref));
  const clock = new FakeClock(Date.now());
  // The making of the second file fails.
  const files = new FaultyFiles("fails", Infinity);
  const create = files.createSync.bind(files);
  let left = 1;
  files.createSync = (...args) => {
    if (left-- <= 0) throw new Error("no space left");
    create(...args);
  };
  const { store, warnings } = await openJournalled(it.dir, "boot-2", { clock, store: { files } });
  assertEquals(warnings.splice(0), [
    "put 1 task back that a power cut had taken",
    "cannot put 1 task back that a power cut has taken: no space left",
  ]);
  store.finish(claimNow(store, refs[0]));
  clock.advance(60_000);
  assertEquals(warnings.splice(0), [
    "cannot put 1 task back that a power cut has taken: no space left",
  ]);
  left = 2;
  clock.advance(60_000);
  assertEquals(warnings, ["put 1 task back that a power cut had taken"]);
  assertEquals(seenNames(store), [refs[1].name]);
  await store.finishJournal();
  store.finish(claimNow(store, refs[1]));
  store.close();
  assertEquals((await it.next("other")).warnings, []);
});

testWith("libc", "a task that was given up and removed does not come back", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  it.store.fail(claimNow(it.store, ref), "no", null);
  assertEquals(await it.store.removeFailed(ref), { kind: "changed", was: "failed" });
  assertEquals((await it.next("other")).warnings, []);
});

for (const boot of ["same", "other"] as const) {
  testWith(
    "libc",
    `a task that had not got its name gets it, and its id is known: ${boot} boot`,
    async () => {
      await using it = await world();
      const ref = await it.store.putOnce(TASK, "id-1");
      assert(ref);
      const before = bytesOf(it.path(ref));
      // As the thread that takes tasks leaves it when it dies between the sync and the rename.
      Deno.renameSync(it.path(ref), join(it.dir, TMP_DIR, ref.name));
      Deno.removeSync(join(it.dir, ".spooler/accepted"));
      const { store } = await it.next(boot);
      assertEquals(bytesOf(it.path(ref)), before);
      assertEquals([...Deno.readDirSync(join(it.dir, TMP_DIR))], []);
      assertEquals(await store.putOnce(TASK, "id-1"), null);
    },
  );
}

testWith("libc", "a full disk keeps no task from its name", async () => {
  await using it = await world();
  const plain = await it.store.put(TASK);
  const urgent = await it.store.put({ ...TASK, priority: 1 });
  it.store.close();
  for (const ref of [plain, urgent]) {
    Deno.renameSync(it.path(ref), join(it.dir, TMP_DIR, ref.name));
  }
  Deno.removeSync(join(it.dir, "1"));
  const clock = new FakeClock(Date.now());
  const files = new FaultyFiles("fails", Infinity);
  const noSpace = () => {
    throw new Error("no space left");
  };
  const { mkdirSync } = files;
  files.createSync = noSpace;
  // Of the spool's own directories none is made.
  files.mkdirSync = (path, mode) =>
    path.endsWith("/1") ? noSpace() : mkdirSync.call(files, path, mode);
  const { store, warnings } = await openJournalled(it.dir, "boot-1", { clock, store: { files } });
  assertEquals(seenNames(store), [plain.name]);
  assertEquals(warnings.splice(0), [
    "cannot put 1 task back that a power cut has taken: no space left",
  ]);
  store.close();
  const next = await openJournalled(it.dir, "boot-1");
  assertEquals(seenNames(next.store).toSorted(), [plain.name, urgent.name].toSorted());
  next.store.close();
});

testWith(
  "libc",
  "both journals of a program are used on, and reclaimed though nobody asks for them",
  async () => {
    await using it = await world();
    const ref = await it.store.put(TASK);
    assert(it.store.openJournal());
    const journals = () =>
      [...Deno.readDirSync(join(it.dir, ".spooler"))].map(({ name }) => name)
        .filter((name) => name.startsWith("journal")).toSorted();
    const { store } = await it.next("same");
    assertEquals(journals(), ["journal", "journal.1"]);
    await store.finishJournal();
    Deno.removeSync(it.path(ref));
    assertEquals((await it.next("other")).warnings, []);
    assertEquals(journals(), ["journal", "journal.1"]);
  },
);

testWith("libc", "when what was put back cannot be synced, the journal keeps it", async () => {
  await using it = await world();
  const ref = await it.store.put(TASK);
  it.store.close();
  Deno.removeSync(it.path(ref));
  const calls = refusingCalls();
  calls.failing.add("syncFileSystem");
  const { store, warnings } = await openJournalled(it.dir, "boot-2", { calls });
  assertEquals(warnings, [
    "put 1 task back that a power cut had taken",
    `what a power cut had taken is kept in the journal: syncfs ${it.dir}: Input/output error (errno 5)`,
  ]);
  // It is not used on.
  await store.put(TASK);
  store.close();
  Deno.removeSync(it.path(ref));
  const { warnings: again } = await openJournalled(it.dir, "boot-3").then((opened) => {
    opened.store.close();
    return opened;
  });
  assertEquals(again, ["put 1 task back that a power cut had taken"]);
});
