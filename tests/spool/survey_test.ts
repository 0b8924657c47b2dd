/** A long listing reads most tasks by a quicker way: it says the same of all of them. */

import { join } from "@std/path";
import { plainSummary, summaryOf } from "../../src/report/task_summary.ts";
import { Inspector } from "../../src/spool/inspect.ts";
import { type ListFilter, matching, survey } from "../../src/spool/matching.ts";
import type { Inspected } from "../../src/spool/inspected.ts";
import type { PlainTask } from "../../src/spool/plain_task.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { WAITING_SECONDS } from "../../src/task/after.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { fillSpool } from "../support/fill.ts";
import { platform, renameBytes } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openStore, varsOf } from "../support/store.ts";
import { holdTask, writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const nameOf = (what: string) => `${TASK_PREFIX}web1_1_${what}_99_1795420655_123500`;

const packet = (vars: Record<string, string | Uint8Array>) => encodePacket(varsOf(vars), 17);

/** One task of each kind that a directory may have; resolves to the path of one that is whole. */
async function fillWithAll(dir: string, now: number): Promise<string> {
  const future = now / 1000 + 60;
  const body = new TextEncoder().encode("body");
  const path = await writeTask(dir, nameOf("a"), { x: "1", ud_spool_func: "hello" }, { body });
  await writeTask(dir, nameOf("later"), { ud_spool_func: "hello" }, { mtime: future });
  await writeTask(dir, `${TASK_PREFIX}undated`, { ud_spool_func: "hello" });
  await writeTask(dir, nameOf("none"), {});
  await writeTask(dir, nameOf("empty"), { ud_spool_func: "" });
  await writeTask(join(dir, "7"), nameOf("seven"), { ud_spool_func: "bye" }, { body });
  await writeTask(join(dir, "x"), nameOf("nowhere"), { ud_spool_func: "bye" });
  await writeTask(dir, nameOf("long"), { big: "x".repeat(5000), ud_spool_func: "hello" });
  const waits = { ud_spool_func: "hello", spooler_after: nameOf("a") };
  await writeTask(dir, nameOf("waits"), waits, { mtime: WAITING_SECONDS });
  await writeTask(join(dir, "failed"), nameOf("given"), { ud_spool_func: "hello" });
  const files: Record<string, Uint8Array> = {
    odd: packet({ ud_spool_func: Uint8Array.of(0xff, 0x41) }),
    twice: new Uint8Array([17, 48, 0, 0]),
    nothing: new Uint8Array(0),
    other: Uint8Array.of(9, 0, 0, 0),
    cut: Uint8Array.of(17, 9, 0, 0, 1),
    overrun: Uint8Array.of(17, 2, 0, 0, 5, 0),
    unnamed: Uint8Array.of(17, 4, 0, 0, 0, 0, 0, 0),
  };
  const [first, second] = [packet({ ud_spool_func: "bye" }), packet({ ud_spool_func: "hello" })];
  files.twice = new Uint8Array([...first, ...second.subarray(4)]);
  files.twice[1] = files.twice.length - 4;
  for (const [what, bytes] of Object.entries(files)) {
    await Deno.writeFile(join(dir, nameOf(what)), bytes);
  }
  renameBytes(
    await writeTask(dir, nameOf("name"), { ud_spool_func: "hello" }),
    `${dir}/${TASK_PREFIX}\udcff`,
  );
  await writeTask(dir, `${TASK_PREFIX}漢字`, { ud_spool_func: "hello" });
  await Deno.mkdir(join(dir, nameOf("directory")));
  await Deno.symlink("/etc/passwd", join(dir, nameOf("symlink")));
  const store = await openStore(dir);
  const retried = await store.put({ vars: varsOf({ ud_spool_func: "hello" }) });
  const attempts = { failures: 2, firstFailureAt: 1, lastFailureAt: 2, reason: "oh", stderr: "" };
  store.defer(claimNow(store, retried), now + 90_000, attempts);
  return path;
}

testWith("libc", "a long listing has the same tasks, and says the same of them", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock(Date.now() + 10_000);
  const path = await fillWithAll(temp.path, clock.now());
  await using _holder = await holdTask(join(temp.path, nameOf("none")));
  const accessed = (await Deno.stat(path)).atime;
  const { libc } = platform;
  const filters: readonly ListFilter[] = [
    {},
    { states: ["ready"] },
    { states: ["deferred", "failed"] },
    { states: ["running"] },
    { states: ["failed"] },
    { func: "hello" },
    { func: "" },
    { func: "\ufffdA" },
    { madeBefore: clock.now() - 5000 },
    { madeBefore: 1 },
  ];
  for (const filter of filters) {
    const inspector = new Inspector({ dir: temp.path, clock, ...platform });
    const found: (PlainTask | Inspected)[] = [];
    let examined = 0;
    const options = { inspector, libc, filter, now: clock.now(), examined: () => examined++ };
    for (const _ of survey({ ...options, found: (task) => found.push(task) }));
    const surveyed = found.map((task) => "content" in task ? summaryOf(task) : plainSummary(task));
    const expected = [...matching(inspector, filter, () => examined--)].map(summaryOf);
    const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
    assertEquals(surveyed.toSorted(byName), expected.toSorted(byName));
    assertEquals(examined, 0);
    const plain = found.filter((task) => !("content" in task));
    if (filter === filters[0]) assert(plain.length > 5);
  }
  assertEquals((await Deno.stat(path)).atime, accessed);
});

testWith("libc", "of very many tasks, which two threads read, each is listed once", async () => {
  await using temp = await tempDir();
  const names = fillSpool(temp.path, 25_000);
  const seven = fillSpool(join(temp.path, "7"), 3000);
  const clock = new FakeClock(Date.now() + 10_000);
  const inspector = new Inspector({ dir: temp.path, clock, ...platform });
  const found: string[] = [];
  const options = { inspector, libc: platform.libc, filter: {}, now: clock.now() };
  const add = (task: PlainTask | Inspected) => {
    assertEquals("content" in task, false);
    found.push(`${task.priority}/${task.name}`);
  };
  let examined = 0;
  for (const _ of survey({ ...options, examined: () => examined++, found: add }));
  const expected = [...names.map((name) => `null/${name}`), ...seven.map((name) => `7/${name}`)];
  assertEquals(found.toSorted(), expected.toSorted());
  assertEquals(examined, expected.length);
});
