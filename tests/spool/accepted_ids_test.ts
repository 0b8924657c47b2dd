/** What is known of accepted ids: for how long, how many, and over restarts. */

import { join } from "@std/path";
import { AcceptedIds, type AcceptedIdsOptions } from "../../src/spool/accepted_ids.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { SpoolDirectory } from "../../src/spool/directory.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { openStore, seenNames, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const HOUR_MS = 3_600_000;

async function world() {
  const temp = await tempDir();
  const clock = new FakeClock();
  const spool = new SpoolDirectory({
    ...{ dir: join(temp.path, "spool"), fsync: true, clock, random: Math.random },
    ...platform,
  });
  await spool.prepare();
  const opened: AcceptedIds[] = [];
  return {
    clock,
    spool,
    open(options: Partial<AcceptedIdsOptions> = {}) {
      const ids = new AcceptedIds(spool, { windowMs: HOUR_MS, ...options });
      ids.recover();
      opened.push(ids);
      return ids;
    },
    async [Symbol.asyncDispose]() {
      for (const ids of opened) ids.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

const sent = (id: string, sender = "10.0.0.1") => ({ id, sender });

async function accept(ids: AcceptedIds, id: string, content = "content"): Promise<void> {
  ids.announce(sent(id), `name-${id}`, content);
  await ids.commit();
  ids.confirm(sent(id));
}

Deno.test("an id is known for the window, also after a restart", async () => {
  await using w = await world();
  const ids = w.open();
  assert(!ids.has(sent("a")));
  await accept(ids, "a");
  assert(ids.has(sent("a")));
  w.clock.advance(HOUR_MS / 2);
  await accept(ids, "b");
  const next = w.open();
  assertEquals([next.has(sent("a")), next.has(sent("b")), next.has(sent("c"))], [
    true,
    true,
    false,
  ]);
  w.clock.advance(HOUR_MS / 2 + 1);
  assertEquals([next.has(sent("a")), next.has(sent("b"))], [false, true]);
  assertEquals([w.open().has(sent("a")), w.open().has(sent("b"))], [false, true]);
});

Deno.test("what was withdrawn is not known, and can be accepted later", async () => {
  await using w = await world();
  const ids = w.open();
  ids.announce(sent("a"), "name-1", "content");
  await ids.withdraw(sent("a"));
  assert(!ids.has(sent("a")));
  const next = w.open();
  assert(!next.has(sent("a")));
  await accept(next, "a");
  assert(w.open().has(sent("a")));
});

Deno.test("of many ids the newest are known, in two files of bounded size", async () => {
  await using w = await world();
  const ids = w.open({ mostInFile: 10 });
  for (let n = 0; n < 35; n++) await accept(ids, `id-${n}`);
  assert(!ids.has(sent("id-0")) && !ids.has(sent("id-19")));
  for (let n = 20; n < 35; n++) assert(ids.has(sent(`id-${n}`)), `id-${n}`);
  const next = w.open({ mostInFile: 10 });
  for (let n = 20; n < 35; n++) assert(next.has(sent(`id-${n}`)), `id-${n}, after a restart`);
  const lines = Deno.readTextFileSync(join(w.spool.path, ".spooler/accepted")).split("\n");
  assertEquals(lines.length, 15 + 1);
});

Deno.test("a file that somebody has broken costs the broken lines", async () => {
  await using w = await world();
  await accept(w.open(), "a");
  const path = join(w.spool.path, ".spooler/accepted");
  Deno.writeTextFileSync(
    path,
    "\n+ x\n+ 1 2 3 4 5 .\n- .\n\u0000\n+ never d 10.0.0.1 name content .\n= 9e15 d 1 .\n" +
      "+ 1795000000000 torn na",
    {
      append: true,
    },
  );
  const ids = w.open();
  assertEquals(["a", "torn", "2", "d"].map((id) => ids.has(sent(id))), [true, false, false, false]);
  await accept(ids, "b");
  assertEquals([w.open().has(sent("a")), w.open().has(sent("b"))], [true, true]);
});

Deno.test("of a long file each line counts, wherever the pieces end in which it is read", async () => {
  await using w = await world();
  const at = w.clock.now();
  const ids = Array.from({ length: 3_000 }, (_, n) => `id-${n}-${"x".repeat(n % 97)}`);
  const lines = ids.map((id) => `+ ${at} ${id} 10.0.0.1 name-${id} content .\n`);
  lines.push(`- ${ids[1_000]} 10.0.0.1 .\n`);
  lines.push(`+ ${at + 1} ${ids[2_000]} 10.0.0.1 other content .\n`);
  Deno.writeTextFileSync(join(w.spool.path, ".spooler/accepted"), lines.join(""));
  Deno.writeTextFileSync(join(w.spool.path, `.spooler/tmp/name-${ids[2_999]}`), "");
  for (let start = 0; start < 2; start++) {
    const known = w.open();
    const unknown = ids.filter((id) => !known.has(sent(id)));
    assertEquals(unknown, [ids[1_000], ids[2_999]]);
    assertEquals(known.nameOf(sent(ids[0] ?? "")), `name-${ids[0]}`);
    assertEquals(known.nameOf(sent(ids[2_000] ?? "")), "other");
    assertEquals(known.nameOf(sent(ids[1_000] ?? "")), null);
    known.close();
  }
  const left = Deno.readTextFileSync(join(w.spool.path, ".spooler/accepted")).split("\n");
  assertEquals(left.length, ids.length - 2 + 1);
});

Deno.test("the ids are written again when somebody deletes their file, or the whole directory", async () => {
  await using w = await world();
  const ids = w.open({ mostInFile: 3 });
  for (const id of ["a", "b", "c", "d"]) await accept(ids, id);
  ids.announce(sent("e"), "name-e", "content");
  Deno.removeSync(join(w.spool.path, ".spooler/accepted"));
  await accept(ids, "f");
  ids.confirm(sent("e"));
  const known = (of: AcceptedIds) =>
    ["a", "b", "c", "d", "e", "f", "g"].map((id) => of.has(sent(id)));
  const all = [true, true, true, true, true, true, false];
  assertEquals(known(ids), all);
  assertEquals(known(w.open()), all);
  Deno.removeSync(w.spool.path, { recursive: true });
  assertThrows(() => ids.announce(sent("g"), "name-g", "content"), Deno.errors.NotFound);
  await w.spool.prepare();
  ids.renew();
  assertEquals(known(w.open()), all);
  await accept(ids, "g");
  assertEquals(known(w.open()), all.map(() => true));
});

Deno.test("what was written again from memory has its sender, its content and its time", async () => {
  await using w = await world();
  const path = join(w.spool.path, ".spooler/accepted");
  const start = w.clock.now();
  await Deno.writeTextFile(path, `+ ${start} old name-old .\n`);
  const ids = w.open();
  await accept(ids, "a", "red");
  w.clock.advance(HOUR_MS / 2);
  Deno.removeSync(path);
  await accept(ids, "b", "green");
  const text = Deno.readTextFileSync(path);
  assertEquals(/^(= \d+ [\da-f]{32} ([\da-f]{16} )?\.\n){2}\+ .*\n$/.test(text), true, text);
  for (const again of [ids, w.open(), w.open()]) {
    const known = (["a", "b", "old"] as const).map((id) => [
      ...["red", "green"].map((content) => again.knows(sent(id), content)),
      again.knows(sent(id, "unix"), "red"),
    ]);
    assertEquals(known, [
      ["same", "other", "unknown"],
      ["other", "same", "unknown"],
      ["same", "same", "same"],
    ]);
  }
  w.clock.advance(HOUR_MS / 2 + 1);
  assertEquals(["a", "b", "old"].map((id) => w.open().has(sent(id))), [false, true, false]);
});

Deno.test("the same id twice at the same time is put once", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const task = { vars: varsOf({ n: "1" }) };
  const refs = await Promise.all([
    store.putOnce(task, "a"),
    store.putOnce(task, "a"),
    store.putOnce(task, "b"),
    store.putOnce(task, "a"),
  ]);
  assertEquals(refs.map((ref) => ref === null), [false, true, false, true]);
  assertEquals(seenNames(store).length, 2);
  store.close();
});

Deno.test("an id is its sender's: another may give the same to a task of its own", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const [one, other] = [varsOf({ n: "1" }), varsOf({ n: "2" })];
  const put = (vars: typeof one, sender: string) => store.putOnce({ vars }, "task-7", sender);
  assert(await put(one, "10.0.0.1") !== null);
  assert(await put(other, "10.0.0.2") !== null);
  assertEquals([await put(one, "10.0.0.1"), await put(other, "10.0.0.2")], [null, null]);
  store.close();
});

Deno.test("the same id with other content is refused, and so is another body", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const body = new TextEncoder().encode("the body");
  const task = { vars: varsOf({ n: "1" }), body };
  const pieces = async function* () {
    yield body.subarray(0, 3);
    yield body.subarray(3);
  };
  const refused = (given: typeof task) =>
    assertRejects(() => store.putOnce(given, "task-7"), RefusalError, "belongs to another task");
  await store.putOnce(task, "task-7");
  await refused({ ...task, vars: varsOf({ n: "2" }) });
  await refused({ ...task, body: new TextEncoder().encode("the b0dy") });
  assertEquals(await store.putOnce({ ...task, body: pieces(), bodySize: 8 }, "task-7"), null);
  store.close();
});

Deno.test("ids that version 0.1 wrote are known, whoever sends them", async () => {
  await using w = await world();
  const path = join(w.spool.path, ".spooler/accepted");
  const now = w.clock.now();
  await Deno.writeTextFile(path, `+ ${now} a name-a .\n+ ${now} b name-b .\n- b .\n`);
  const ids = w.open();
  assertEquals(ids.knows(sent("a"), "anything"), "same");
  assertEquals(ids.knows(sent("a", "unix"), "anything"), "same");
  assertEquals(ids.knows(sent("b"), "anything"), "unknown");
  await accept(ids, "c");
  const next = w.open();
  const [known, other] = [next.knows(sent("c"), "content"), next.knows(sent("c"), "other")];
  assertEquals([next.has(sent("a")), known, other], [true, "same", "other"]);
  assertEquals(next.knows(sent("c", "unix"), "content"), "unknown");
});

Deno.test("another thread knows what a start has recovered, without the file", async () => {
  await using w = await world();
  const before = w.open();
  for (let n = 0; n < 500; n++) await accept(before, `id-${n}`);
  const recovered = w.open();
  const known = recovered.handOn();
  assert(known !== null);
  assert(!recovered.has(sent("id-0")), "they are no longer here");

  const { ids, contents, times } = known.table;
  const moved = structuredClone(known, {
    transfer: [ids, contents, times].map(({ buffer }) => buffer),
  });
  assertEquals(times.length, 0, "nothing was copied");
  const taken = new AcceptedIds(w.spool, { windowMs: HOUR_MS });
  taken.take(moved);
  for (let n = 0; n < 500; n++) {
    assertEquals(taken.knows(sent(`id-${n}`), "content"), "same");
    assertEquals(taken.knows(sent(`id-${n}`), "other content"), "other");
  }
  assert(!taken.has(sent("id-500")));
  await accept(taken, "id-500");
  assert(w.open().has(sent("id-500")) && w.open().has(sent("id-0")));
  taken.close();
});

Deno.test("ids of version 0.1 that another thread takes are known, whoever sends them", async () => {
  await using w = await world();
  await Deno.writeTextFile(
    join(w.spool.path, ".spooler/accepted"),
    `+ ${w.clock.now()} a name-of-a .\n`,
  );
  const known = w.open().handOn();
  assert(known !== null);
  const taken = new AcceptedIds(w.spool, { windowMs: HOUR_MS });
  taken.take(known);
  assert(taken.has(sent("a")) && taken.has(sent("a", "10.0.0.2")));
});

Deno.test("nothing is handed on that the file need not say: then it is read again", async () => {
  await using w = await world();
  const changed = w.open();
  await accept(changed, "a");
  assertEquals(changed.handOn(), null);

  const twice = w.open();
  assert(twice.handOn() !== null);
  assertEquals(twice.handOn(), null);

  const unread = new AcceptedIds(w.spool, { windowMs: HOUR_MS });
  assertEquals(unread.handOn(), null);
});

Deno.test("a thousand deliveries of one id to a full spool fail together, not one after the other", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const limits = { maxFiles: 0, minFreeBytes: null };
  store.use({ fsync: true, limits, dedupWindowMs: HOUR_MS });
  const task = { vars: varsOf({ n: "1" }) };
  const errors = new Set<unknown>();
  await Promise.all(Array.from({ length: 1000 }, async () => {
    await store.putOnce(task, "same").catch((error) => errors.add(error));
  }));
  assertEquals(errors.size, 1);
  store.close();
});

Deno.test("a file whose lines all hold stays the one it is, and any other is written anew", async () => {
  await using w = await world();
  const path = join(w.spool.path, ".spooler/accepted");
  const inode = () => Deno.statSync(path).ino;
  await accept(w.open(), "a");
  const first = inode();
  await accept(w.open(), "b");
  assertEquals(inode(), first);

  await Deno.writeTextFile(path, "+ 17 half a li", { append: true });
  const next = w.open();
  assert(inode() !== first);
  assert(next.has(sent("a")) && next.has(sent("b")));

  const second = inode();
  await next.withdraw(sent("b"));
  assert(!w.open().has(sent("b")));
  assert(inode() !== second);

  const third = inode();
  w.clock.advance(HOUR_MS + 1);
  assert(!w.open().has(sent("a")));
  assert(inode() !== third);
  assertEquals(await Deno.readTextFile(path), "");
});

testWith(
  "root",
  "a file of another user is believed by nobody, and is no file to go on with",
  async () => {
    await using w = await world();
    const path = join(w.spool.path, ".spooler/accepted");
    await accept(w.open(), "a");
    Deno.chownSync(path, 12345, 12345);
    assert(!w.open().has(sent("a")));
    assertEquals(Deno.statSync(path).uid, Deno.uid());
  },
);
