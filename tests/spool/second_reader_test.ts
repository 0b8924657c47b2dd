/** The second thread of a long listing. */

import { Dirents, visitNames } from "../../src/platform/dirents.ts";
import type { Libc } from "../../src/platform/libc.ts";
import { AT_FDCWD } from "../../src/platform/linux.ts";
import { isTaskName, TASK_PREFIX } from "../../src/spool/layout.ts";
import { LEFT_OUT, PlainTaskReader, type TaskReader } from "../../src/spool/plain_task.ts";
import type { ListFilter } from "../../src/spool/matching.ts";
import { SecondReader } from "../../src/spool/second_reader.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { holdTask, writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const NOW = 1_795_420_700_000;
const nameOf = (what: string | number) => `${TASK_PREFIX}web1_1_${what}_99_1795420655_123500`;
const libc = platform.libc as Libc;

/** The descriptor of a directory, and all that is in it. */
function openPiece(dir: string): { fd: number; piece: Dirents } & Disposable {
  const fd = libc.openDirectory(AT_FDCWD, dir);
  const piece = new Dirents();
  piece.length = libc.readEntries(fd, piece.buffer);
  return { fd, piece, [Symbol.dispose]: () => libc.close(fd) };
}

/** What a reader says of the tasks of a piece. */
function said(fd: number, piece: Dirents, reader: TaskReader) {
  const all: unknown[] = [];
  visitNames(piece, (name, bytes) => {
    if (isTaskName(name)) all.push([name, reader.read(fd, { name, priority: "7" }, bytes)]);
  });
  return all;
}

function start(filter: ListFilter): SecondReader & Disposable {
  const second = SecondReader.start({ filter, now: NOW });
  assert(second !== null);
  return Object.assign(second, { [Symbol.dispose]: () => second.end() });
}

testWith("libc", "the second thread says the same of each task", async () => {
  await using temp = await tempDir();
  for (let n = 0; n < 100; n++) {
    await writeTask(temp.path, nameOf(n), { x: "1", ud_spool_func: `f${n % 70}` }, {
      body: new Uint8Array(n),
      mtime: NOW / 1000 + (n % 2 === 0 ? 60 : -60),
    });
  }
  // More functions than a piece has room for: who asks reads the others.
  for (let n = 0; n < 20; n++) {
    await writeTask(temp.path, nameOf(`big${n}`), { ud_spool_func: `${n}`.repeat(2000) });
  }
  await writeTask(temp.path, nameOf("none"), {});
  await writeTask(temp.path, nameOf("empty"), { ud_spool_func: "" });
  await writeTask(temp.path, nameOf("held"), { ud_spool_func: "f1" });
  await writeTask(temp.path, `${TASK_PREFIX}漢字`, { ud_spool_func: "f1" });
  await Deno.writeTextFile(`${temp.path}/${nameOf("no_task")}`, "no task");
  await Deno.writeTextFile(`${temp.path}/other`, "");
  await using _holder = await holdTask(`${temp.path}/${nameOf("held")}`);
  using open = openPiece(temp.path);
  for (const filter of [{}, { func: "f3" }, { states: ["deferred"] }, { madeBefore: 1 }] as const) {
    using second = start(filter);
    const expected = said(open.fd, open.piece, new PlainTaskReader(libc, filter, NOW));
    for (let round = 0; round < 6; round++) {
      assert(second.give(open.fd, open.piece));
      for (const { dirents, results } of second.rest()) {
        const found = said(open.fd, dirents, results);
        assertEquals(found.length, expected.length);
        found.forEach((each, n) => {
          const [name, task] = each as [string, unknown];
          // One that it leaves to the other is none that it has wrong.
          if (task !== null || !name.includes("_big")) assertEquals(each, expected[n]);
        });
        const isSaid = (task: unknown) => task !== null && task !== LEFT_OUT;
        if (filter.func === undefined && !("madeBefore" in filter)) {
          assert(found.filter((each) => isSaid((each as unknown[])[1])).length > 40);
        }
      }
    }
  }
});

testWith(
  "libc",
  "the second thread reads what it is given, or it is taken back, once",
  async () => {
    await using temp = await tempDir();
    const dirs = [0, 1, 2, 3].map((n) => `${temp.path}/${n}`);
    for (const [n, dir] of dirs.entries()) await writeTask(dir, nameOf(n), { ud_spool_func: "f" });
    using second = start({});
    for (let round = 0; round < 20; round++) {
      const names: string[] = [];
      const note = (piece: Dirents) => visitNames(piece, (name) => names.push(name));
      for (const dir of dirs) {
        using open = openPiece(dir);
        // Of the first rounds the thread may not have seen anything.
        assert(second.give(open.fd, open.piece));
        if (round % 2 === 1) { for (const { dirents } of second.rest()) note(dirents); }
        else second.settle();
      }
      if (round % 2 === 1) assertEquals(names.filter(isTaskName), [0, 1, 2, 3].map(nameOf));
    }
    using open = openPiece(dirs[0] as string);
    for (let n = 0; n < 4; n++) assert(second.give(open.fd, open.piece));
    const done = [...second.done()].length;
    const isGiven = second.give(open.fd, open.piece);
    assertEquals(isGiven, done > 0);
    const back = [...second.takenBack()].length;
    const read = [...second.rest()].length;
    assertEquals(done + back + read, isGiven ? 5 : 4);
  },
);
