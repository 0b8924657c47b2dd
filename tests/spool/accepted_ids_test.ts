/** What is known of accepted ids: for how long, how many, and over restarts. */

import { join } from "node:path";
import { AcceptedIds, type AcceptedIdsOptions } from "../../src/spool/accepted_ids.ts";
import { SpoolDirectory } from "../../src/spool/directory.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
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

async function accept(ids: AcceptedIds, id: string): Promise<void> {
  ids.announce(id, `name-${id}`);
  await ids.commit();
  ids.confirm(id, `name-${id}`);
}

Deno.test("an id is known for the window, also after a restart", async () => {
  await using w = await world();
  const ids = w.open();
  assert(!ids.has("a"));
  await accept(ids, "a");
  assert(ids.has("a"));
  w.clock.advance(HOUR_MS / 2);
  await accept(ids, "b");
  const next = w.open();
  assertEquals([next.has("a"), next.has("b"), next.has("c")], [true, true, false]);
  w.clock.advance(HOUR_MS / 2 + 1);
  assertEquals([next.has("a"), next.has("b")], [false, true]);
  assertEquals([w.open().has("a"), w.open().has("b")], [false, true]);
});

Deno.test("what was withdrawn is not known, and can be accepted later", async () => {
  await using w = await world();
  const ids = w.open();
  ids.announce("a", "name-1");
  await ids.withdraw("a");
  assert(!ids.has("a"));
  const next = w.open();
  assert(!next.has("a"));
  await accept(next, "a");
  assert(w.open().has("a"));
});

Deno.test("of many ids the newest are known, in two files of bounded size", async () => {
  await using w = await world();
  const ids = w.open({ mostInFile: 10 });
  for (let n = 0; n < 35; n++) await accept(ids, `id-${n}`);
  assert(!ids.has("id-0") && !ids.has("id-19"));
  for (let n = 20; n < 35; n++) assert(ids.has(`id-${n}`), `id-${n}`);
  const next = w.open({ mostInFile: 10 });
  for (let n = 20; n < 35; n++) assert(next.has(`id-${n}`), `id-${n}, after a restart`);
  const lines = Deno.readTextFileSync(join(w.spool.path, ".spooler/accepted")).split("\n");
  assertEquals(lines.length, 15 + 1);
});

Deno.test("a file that somebody has broken costs the broken lines", async () => {
  await using w = await world();
  await accept(w.open(), "a");
  const path = join(w.spool.path, ".spooler/accepted");
  Deno.writeTextFileSync(path, "\n+ x\n+ 1 2 3 4 5 .\n- .\n\u0000\n+ 1795000000000 torn na", {
    append: true,
  });
  const ids = w.open();
  assertEquals([ids.has("a"), ids.has("torn"), ids.has("2")], [true, false, false]);
  await accept(ids, "b");
  assertEquals([w.open().has("a"), w.open().has("b")], [true, true]);
});

Deno.test("the ids are written again when somebody deletes their file, or the whole directory", async () => {
  await using w = await world();
  const ids = w.open({ mostInFile: 3 });
  for (const id of ["a", "b", "c", "d"]) await accept(ids, id);
  ids.announce("e", "name-e");
  Deno.removeSync(join(w.spool.path, ".spooler/accepted"));
  await accept(ids, "f");
  ids.confirm("e", "name-e");
  const known = (of: AcceptedIds) => ["a", "b", "c", "d", "e", "f", "g"].map((id) => of.has(id));
  const all = [true, true, true, true, true, true, false];
  assertEquals(known(ids), all);
  assertEquals(known(w.open()), all);
  Deno.removeSync(w.spool.path, { recursive: true });
  assertThrows(() => ids.announce("g", "name-g"), Deno.errors.NotFound);
  await w.spool.prepare();
  ids.renew();
  assertEquals(known(w.open()), all);
  await accept(ids, "g");
  assertEquals(known(w.open()), all.map(() => true));
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
