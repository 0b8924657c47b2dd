/** Files that have no name before they are whole. */

import { join } from "@std/path";
import type { Libc } from "../../src/platform/libc.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { SpoolDirectory, TASK_MODE } from "../../src/spool/directory.ts";
import { TMP_DIR } from "../../src/spool/layout.ts";
import { type SpoolChange, watchSpool } from "../../src/spool/watcher.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_1";
const BYTES = Uint8Array.from(new TextEncoder().encode("all of it"));

async function openSpool() {
  const temp = await tempDir();
  const spool = new SpoolDirectory({
    ...{ dir: join(temp.path, "spool"), fsync: false, ...platform },
    ...{ clock: systemClock, random: Math.random },
  });
  spool.prepare();
  return {
    ...{ spool, dir: spool.path, path: join(spool.path, NAME), files: spool.files },
    tmp: () => [...Deno.readDirSync(join(spool.path, TMP_DIR))],
    async [Symbol.asyncDispose]() {
      spool.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

testWith("libc", "a file that is made whole has its bytes, its mode and its time", async () => {
  await using it = await openSpool();
  for (const [name, time] of [[NAME, null], [`${NAME}2`, 4_102_444_800]] as const) {
    const path = join(it.dir, name);
    assert(it.files.createWholeSync(path, BYTES, { mode: TASK_MODE, time }));
    const { mode, mtime, nlink } = Deno.statSync(path);
    assertEquals([(mode ?? 0) & 0o777, nlink], [0o600, 1]);
    if (time !== null) assertEquals(mtime?.getTime(), time * 1000);
    assertEquals(Deno.readFileSync(path), BYTES);
  }
  it.files.mkdirSync(join(it.dir, "5"), 0o750);
  assert(it.files.createWholeSync(join(it.dir, "5", NAME), BYTES, { mode: TASK_MODE, time: null }));
  assertEquals(Deno.readFileSync(join(it.dir, "5", NAME)), BYTES);
  assertEquals(it.tmp(), []);
});

testWith("libc", "it takes nobody's name", async () => {
  await using it = await openSpool();
  Deno.writeTextFileSync(it.path, "another's");
  const make = () => it.files.createWholeSync(it.path, BYTES, { mode: TASK_MODE, time: null });
  assertThrows(make, Deno.errors.AlreadyExists);
  assertEquals(Deno.readTextFileSync(it.path), "another's");
});

testWith("libc", "its directories may have been made anew meanwhile", async () => {
  await using it = await openSpool();
  const make = (name: string) =>
    it.files.createWholeSync(join(it.dir, name), BYTES, { mode: TASK_MODE, time: null });
  assert(make(NAME));
  Deno.removeSync(join(it.dir, TMP_DIR));
  // What cannot be done so is done in another way.
  assertEquals(make(`${NAME}2`), false);
  Deno.mkdirSync(join(it.dir, TMP_DIR));
  assert(make(`${NAME}3`));
});

testWith(
  "libc",
  "users who may not name a descriptor have it named by its path in /proc",
  async () => {
    await using it = await openSpool();
    const libc = platform.libc as Libc;
    const at = libc.openDirectory(-100, it.dir);
    const fd = libc.createNameless(at, 0o600);
    assertEquals(libc.write(fd, BYTES), BYTES.length);
    assertEquals(libc.nameFileByProc(fd, at, NAME), 0);
    assertEquals(libc.nameFileByProc(fd, at, NAME), -17);
    for (const each of [fd, at]) libc.close(each);
    assertEquals(Deno.readFileSync(it.path), BYTES);
  },
);

testWith("libc", "the watcher says one thing of it", async () => {
  await using it = await openSpool();
  const changes: SpoolChange[] = [];
  const last = Promise.withResolvers<void>();
  const watcher = watchSpool({
    ...{ dir: it.dir, libc: platform.libc, clock: systemClock, absence: () => null },
    notify: (change) => {
      changes.push(change);
      if (change.kind === "task" && change.ref.name === `${NAME}2`) last.resolve();
    },
  });
  for (const path of [it.path, `${it.path}2`]) {
    it.files.createWholeSync(path, BYTES, { mode: TASK_MODE, time: 4_102_444_800 });
  }
  await last.promise;
  await watcher.close();
  assertEquals(
    changes,
    [NAME, `${NAME}2`].map((name) => ({
      kind: "task" as const,
      ref: { name, priority: null },
      isNew: true,
    })),
  );
});
