/** One task of a key at a time: whoever puts, the store, the TypeScript client and Python. */

import { join } from "@std/path";
import { Spool } from "../../src/client/mod.ts";
import { isTaskName, taskId, type TaskRef } from "../../src/spool/layout.ts";
import type { Store } from "../../src/spool/store.ts";
import { readRequest } from "../../src/task/request.ts";
import type { NewTask } from "../../src/task/new_task.ts";
import { entryName, entryOf, hashInName, readUnique, uniqueName } from "../../src/task/unique.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { PythonClient } from "../support/python_client.ts";
import { testWith } from "../support/require.ts";
import {
  claimNow,
  openAnew,
  openStore,
  openUnsynced,
  seenNames,
  varsOf,
} from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const HOUR_MS = 3_600_000;

function task(more: Record<string, string> = {}): NewTask {
  return readRequest(varsOf({ ud_spool_func: "f", spooler_unique: "k", ...more })).task;
}

/** Puts, and says whether it was put. */
async function put(store: Store, wanted: NewTask): Promise<[name: string, isNew: boolean]> {
  let isNew = false;
  const ref = await store.put(wanted, () => isNew = true);
  return [ref.name, isNew];
}

const namesBelow = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);

function run(store: Store, ref: TaskRef): void {
  const claimed = claimNow(store, ref);
  store.finish(claimed);
}

Deno.test("a claim's name says whose it is, and a task's name which claim it has", () => {
  const vars = varsOf({ ud_spool_func: "f", spooler_unique: "k" });
  const { hash = "" } = readUnique(vars) ?? {};
  const name = uniqueName("uwsgi_spoolfile_on_12.host_1_2_3_4_5", hash);
  assertEquals(hashInName(name), hash);
  assertEquals(hashInName("uwsgi_spoolfile_on_unique-host_1_2_3_4_5"), null);
  for (const id of [name, `7/${name}`]) {
    for (const replaces of [null, name, `12/${name}`]) {
      assertEquals(entryOf(entryName({ id, replaces }), hash), { id, replaces });
    }
  }
  for (const bad of ["", "a+", "a+b+c", "x,a", "/"]) assertEquals(entryOf(bad, hash), null);
  const others = [["fk", ""], ["f", "k2"], ["g", "k"], ["", "fk"]] as const;
  const hashes = others.map(([func, key]) => {
    return key === "" ? "" : readUnique(varsOf({ ud_spool_func: func, spooler_unique: key }))?.hash;
  });
  assertEquals(new Set([...hashes, hash]).size, 5);
});

Deno.test("what a wish cannot be is refused", () => {
  const refused: [Record<string, string>, string][] = [
    [{ spooler_unique: "" }, "spooler_unique needs a key"],
    [{ spooler_unique_until: "end" }, 'spooler_unique_until needs start or done: "end"'],
    [{ spooler_unique_mode: "drop" }, 'spooler_unique_mode needs keep or replace: "drop"'],
  ];
  for (const [vars, message] of refused) {
    const { message: said } = assertThrows(() => task(vars), Error);
    assertEquals(said, message);
  }
});

Deno.test("while a task waits another with its key is not put, whatever its time and priority", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const [first, isNew] = await put(store, task());
  assert(isNew);
  const again = [task(), task({ priority: "3" }), task({ at: "4000000000" })];
  for (const each of again) assertEquals(await put(store, each), [first, false]);
  // Another key, another function, and none.
  const others = [task({ spooler_unique: "l" }), task({ ud_spool_func: "g" })];
  for (const each of others) assertEquals((await put(store, each))[1], true);
  assertEquals((await put(store, { vars: varsOf({ ud_spool_func: "f" }) }))[1], true);
  assertEquals(seenNames(store).length, 4);
  run(store, { name: first, priority: null });
  const [second, isSecondNew] = await put(store, task());
  assert(isSecondNew && second !== first);
  assertEquals(namesBelow(join(temp.path, ".spooler/tmp")), []);
  store.close();
});

Deno.test("until the start, or until the end", async () => {
  await using temp = await tempDir();
  const store = await openUnsynced(temp.path);
  const [first] = await put(store, task());
  const running = claimNow(store, { name: first, priority: null });
  assertEquals(await put(store, task({ spooler_unique_until: "done" })), [first, false]);
  // It runs: it cannot be replaced any more.
  const replacing = { spooler_unique_until: "done", spooler_unique_mode: "replace" };
  assertEquals(await put(store, task(replacing)), [first, false]);
  const [second, isNew] = await put(store, task());
  assert(isNew);
  assertEquals(await put(store, task()), [second, false]);
  store.finish(running);
  assertEquals(await put(store, task()), [second, false]);
  store.close();
});

Deno.test("a replaced task goes, of any priority; one that runs stays", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const replace = { spooler_unique_mode: "replace" };
  const [first] = await put(store, task({ priority: "3", at: "4000000000" }));
  const [second, isNew] = await put(store, task(replace));
  assert(isNew && second !== first);
  assertEquals(seenNames(store), [second]);
  const running = claimNow(store, { name: second, priority: null });
  const [third] = await put(store, task({ ...replace, priority: "4" }));
  assertEquals(seenNames(store).toSorted(), [second, third].toSorted());
  store.defer(running, Date.now() + 5000, null);
  const [fourth] = await put(store, task(replace));
  assertEquals(seenNames(store).toSorted(), [second, fourth].toSorted());
  store.close();
});

Deno.test("a claim heals when its task has ended, however it did", async (t) => {
  const ends: Record<string, (store: Store, ref: TaskRef, dir: string) => unknown> = {
    done: run,
    "given up": (store, ref) => store.fail(claimNow(store, ref), "exit code 65", null),
    removed: (store, ref) => store.remove(ref),
    "done by a worker": (store, ref, dir) => {
      Deno.removeSync(join(dir, taskId(ref)));
      store.finished(taskId(ref));
    },
    "done by a uWSGI": (_store, ref, dir) => Deno.removeSync(join(dir, taskId(ref))),
  };
  for (const [how, end] of Object.entries(ends)) {
    await t.step(how, async () => {
      await using temp = await tempDir();
      const store = await openUnsynced(temp.path);
      const ref = await store.put(task({ priority: "2" }));
      await end(store, ref, temp.path);
      const left = namesBelow(join(temp.path, ".spooler/unique"));
      assertEquals(left.length, how === "done by a uWSGI" ? 1 : 0);
      const [second, isNew] = await put(store, task());
      assert(isNew && second !== ref.name);
      assertEquals(await put(store, task()), [second, false]);
      store.close();
    });
  }
});

Deno.test("a failed task is not retried beside one with its key, and has its claim afterwards", async () => {
  await using temp = await tempDir();
  const store = await openUnsynced(temp.path);
  const ref = await store.put(task());
  store.fail(claimNow(store, ref), "exit code 65", null);
  const second = await store.put(task());
  const refused = await store.retryFailed(ref);
  assert(refused.kind === "refused" && refused.reason.startsWith("a task with its key waits: "));
  run(store, second);
  assertEquals((await store.retryFailed(ref)).kind, "changed");
  assertEquals(await put(store, task()), [ref.name, false]);
  store.close();
});

Deno.test("a sender that repeats what was not needed is not put later", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const first = await store.putOnce(task(), "id-1");
  assert(first !== null);
  assertEquals((await store.putOnce(task({ n: "2" }), "id-2"))?.name, first.name);
  run(store, first);
  for (const id of ["id-1", "id-2"]) {
    const vars: Record<string, string> = id === "id-1" ? {} : { n: "2" };
    assertEquals(await store.putOnce(task(vars), id), null);
  }
  assertEquals(seenNames(store), []);
  await assertRejects(() => store.putOnce(task({ n: "3" }), "id-2"), Error);
  store.close();
});

Deno.test("claims of tasks that are gone are swept, others are not", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock(Date.now());
  const store = await openAnew(temp.path, clock);
  const gone = await store.put(task());
  const waiting = await store.put(task({ spooler_unique: "l" }));
  Deno.removeSync(join(temp.path, taskId(gone)));
  const unique = join(temp.path, ".spooler/unique");
  Deno.mkdirSync(join(unique, `${hashInName(waiting.name)}.left`));
  for await (const _ of store.sweepKeys()) assert(false, "nothing is old enough");
  clock.set(Date.now() + HOUR_MS);
  await Array.fromAsync(store.sweepKeys());
  assertEquals(namesBelow(unique), [hashInName(waiting.name)]);
  assertEquals(await put(store, task({ spooler_unique: "l" })), [waiting.name, false]);
  store.close();
});

Deno.test("of many that put one key at the same time one task is put, and all hear its name", async () => {
  await using temp = await tempDir();
  const stores = [await openStore(temp.path), await openUnsynced(temp.path)];
  const clients = [new Spool(temp.path), new Spool(temp.path, { sync: false })];
  const puts = Array.from({ length: 12 }, () => [
    ...stores.map((store) => store.put(task()).then(({ name }) => name)),
    ...clients.map((client) => client.put("f", {}, { unique: "k" })),
  ]);
  const names = await Promise.all(puts.flat());
  assertEquals(new Set(names).size, 1);
  assertEquals(seenNames(stores[0] as Store), [names[0]]);
  const replacing = { unique: { key: "k", mode: "replace" } } as const;
  await Promise.all(puts.flatMap(() => [
    ...stores.map((store) => store.put(task({ spooler_unique_mode: "replace" }))),
    ...clients.map((client) => client.put("f", {}, replacing)),
  ]));
  assertEquals(seenNames(stores[0] as Store).length, 1);
  for (const store of stores) store.close();
});

Deno.test("the TypeScript client: keep, replace and until, and the program knows its claims", async () => {
  await using temp = await tempDir();
  const spool = new Spool(temp.path);
  const first = await spool.put("f", { n: 1 }, { unique: "k" });
  assertEquals(await spool.put("f", { n: 2 }, { unique: "k", priority: 2 }), first);
  const store = await openUnsynced(temp.path);
  assertEquals(await put(store, task()), [first, false]);
  const many = await spool.putMany([
    ...[{ task: "f", unique: "k" }, { task: "f" }],
    ...[{ task: "f", unique: { key: "k", mode: "replace" as const } }],
  ]);
  assertEquals(many[0], first);
  assertEquals(seenNames(store).toSorted(), many.slice(1).toSorted());
  const last = many[2] as string;
  const running = claimNow(store, { name: last, priority: null });
  const until = { unique: { key: "k", until: "done" as const } };
  assertEquals(await spool.put("f", {}, until), last);
  store.finish(running);
  assert(await spool.put("f", {}, until) !== last);
  const bad = { unique: { key: "k", until: "end" as "done" } };
  await assertRejects(() => spool.put("f", {}, bad), Error, "spooler_unique_until needs");
  store.close();
});

testWith("python", "the Python client and decorator obey the same claims", async () => {
  await using client = await PythonClient.make();
  const [first, again, many, none, called, calledAgain, other, refused] = await client.run(`
import spooler_client, uwsgi, os
from uwsgidecorators import spool
client = spooler_client.Client()
first = client.put("f", {"n": 1}, unique="k")
print(first)
print(client.put("f", {"n": 2}, unique="k", priority=2))
print(client.put_many([spooler_client.Task("f", unique="k"), ("f", {})])[0])
print(client.put("g", unique="k") == first)

@spool(unique=lambda arguments: arguments["id"], unique_until="done")
def decorated(arguments):
    pass

one = decorated.spool({"id": "7"})
print(os.path.basename(one.decode()))
print(os.path.basename(decorated.spool({"id": "7", "n": "2"}).decode()))
print(decorated.spool({"id": "8"}) == one)
try:
    client.put("f", unique="k", unique_mode="drop")
except spooler_client.Refused as error:
    print(error)
`);
  assertEquals([again, many, none, other], [first, first, "False", "False"]);
  assertEquals(calledAgain, called);
  assertEquals(refused, 'spooler_unique_mode needs keep or replace: "drop"');
  const store = await openUnsynced(client.spool);
  assertEquals(await put(store, task()), [first, false]);
  const [second] = await put(store, task({ spooler_unique_mode: "replace" }));
  assertEquals(
    await client.run(`
import spooler_client
client = spooler_client.Client()
print(client.put("f", unique="k"))
print(client.put("f", unique="k", unique_mode="replace"))
`).then((lines) => lines[0]),
    second,
  );
  const names = namesBelow(client.spool).filter(isTaskName);
  const { hash } = readUnique(varsOf({ ud_spool_func: "f", spooler_unique: "k" })) ?? {};
  assertEquals(names.filter((name) => hashInName(name) === hash).length, 1);
  store.close();
});
