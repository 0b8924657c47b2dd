/** The settings of a spool, for tasks that go to workers in batches. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSiteWith, type Site } from "../support/site.ts";
import { holdTask, writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("libc", `${programLabel}: ${name}`, body);

/** `note` tells its number; `slow` waits for the file `go`. */
const CODE = `
import { existsSync } from "node:fs";
const note = (line) => Deno.writeTextFileSync("told", line + "\\n", { append: true });
export const quick = ({ n }) => note(n);
export function slow({ n }) {
  note("begin " + n);
  while (!existsSync("go")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  note("end " + n);
}
export const failing = () => { throw new Error("again"); };
export const timed = ({ n }) => note(String(Date.now()));
`;

const siteWith = (...ini: string[]): Promise<Site> =>
  makeSiteWith({ "tasks.mjs": CODE }, "spooler-import = tasks.mjs", ...ini);

interface Given {
  readonly priority?: number;
  readonly mtime?: number;
  /** Seconds since the epoch at which the name says that it was made. */
  readonly made?: number;
}

async function put(site: Site, n: number, func: string, given: Given = {}): Promise<string> {
  const dir = given.priority === undefined ? site.spool : join(site.spool, String(given.priority));
  const name = `${TASK_PREFIX}test_1_${n}_1_${given.made ?? Math.floor(Date.now() / 1000)}_0`;
  await writeTask(dir, name, { ud_spool_func: func, n: String(n) }, { mtime: given.mtime ?? 1 });
  return name;
}

function told(site: Site): string[] {
  try {
    return Deno.readTextFileSync(join(site.dir, "told")).split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

async function untilTold(site: Site, count: number): Promise<string[]> {
  await until(() => told(site).length >= count, `${count} lines told, not ${told(site).length}`);
  return told(site);
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("one process runs tasks by priority, then by their time, then by their names", async () => {
  await using site = await siteWith("spooler-ordered = true");
  for (const n of [3, 20, 4]) await put(site, n, "quick", { mtime: 100 });
  await put(site, 5, "quick", { mtime: 50 });
  await put(site, 2, "quick", { priority: 10, mtime: 900 });
  await put(site, 1, "quick", { priority: 9, mtime: 900 });
  await using _program = await site.start();
  assertEquals((await untilTold(site, 6)).map(Number), [1, 2, 5, 3, 4, 20]);
});

test("spooler-rate holds back what workers are handed", async () => {
  await using site = await siteWith("spooler-rate = 4/s", "log-json = true");
  for (const n of numbers(1, 9)) await put(site, n, "timed");
  await using program = await site.start(/"program.ready"/);
  const { time } = JSON.parse(await program.line(/"workers.ready"/));
  const times = (await untilTold(site, 9)).map(Number).sort((a, b) => a - b);
  // The first four at once, when there is a worker, and the last one two spans later. That a task
  // runs late makes no other early; the clocks of programs and of spans may differ by a little.
  assert((times[8] ?? 0) - Date.parse(time) >= 1990, `${time}: ${times}`);
});

test("nothing is started in a paused spool; what came meanwhile runs afterwards", async () => {
  await using site = await siteWith();
  await using program = await site.start();
  await program.line(/ loaded \(/);
  await Deno.writeTextFile(join(site.spool, ".spooler/paused"), "");
  await program.line(/ paused: accepts tasks, starts none$/);
  for (const n of numbers(1, 3)) await put(site, n, "quick");
  await Deno.remove(join(site.spool, ".spooler/paused"));
  await program.line(/ resumed/);
  assertEquals((await untilTold(site, 3)).toSorted(), ["1", "2", "3"]);
  await program.line(/quick \S+ done/, 3);
  const lines = program.log.split("\n");
  const resumedAt = lines.findIndex((line) => / resumed/.test(line));
  assert(lines.findIndex((line) => /quick \S+ done/.test(line)) > resumedAt, program.log);
});

test("a task that is too old fails instead of being run; the others run", async () => {
  await using site = await siteWith("spooler-max-age = 1h");
  const old = await put(site, 1, "quick", { made: 1_000_000_000 });
  await put(site, 2, "quick");
  await using program = await site.start();
  await program.line(/quick \S+ given up, kept in failed\/: older than spooler-max-age/);
  assertEquals(await untilTold(site, 1), ["2"]);
  assert((await Deno.stat(join(site.spool, "failed", old))).isFile);
});

test("a task that waits for its time runs then, and not before", async () => {
  await using site = await siteWith();
  await using program = await site.start();
  await program.line(/ loaded \(/);
  const name = await put(site, 1, "timed", { mtime: 4_000_000_000 });
  await put(site, 2, "quick");
  assertEquals(await untilTold(site, 1), ["2"]);
  const due = Math.floor(Date.now() / 1000) + 2;
  await Deno.utime(join(site.spool, name), due, due);
  const lines = await untilTold(site, 2);
  assert(Number(lines[1]) >= due * 1000, lines.join());
});

test("what waits behind a slow task is done by idle workers", async () => {
  await using site = await siteWith("spooler-processes = 2", "spooler-frequency = 1000");
  // Quick ones make the batches large, so that the slow one has many behind it.
  for (const n of numbers(1, 300)) await put(site, n, "quick", { mtime: 1 });
  await put(site, 301, "slow", { mtime: 2 });
  for (const n of numbers(302, 500)) await put(site, n, "quick", { mtime: 3 });
  await using program = await site.start();
  await untilTold(site, 500);
  assert(!told(site).includes("end 301"));
  await Deno.writeTextFile(join(site.dir, "go"), "");
  const lines = await untilTold(site, 501);
  assertEquals(lines.at(-1), "end 301");
  assertEquals(new Set(lines).size, 501);
  await program.line(/slow \S+ done/);
  assertEquals(await program.stop(), 0);
});

test("a task that another program has is left to it, and run when it is free", async () => {
  await using site = await siteWith("spooler-frequency = 1000");
  const name = await put(site, 1, "quick");
  const holder = await holdTask(join(site.spool, name));
  await using program = await site.start();
  await put(site, 2, "quick");
  await program.line(/quick \S+ done/);
  assertEquals(told(site), ["2"]);
  await holder[Symbol.asyncDispose]();
  assertEquals(await untilTold(site, 2), ["2", "1"]);
});

test("a task that has failed is counted on though another program had it meanwhile", async () => {
  await using site = await siteWith("spooler-frequency = 1000", "spooler-retry-delay = 1000");
  await using program = await site.start();
  const name = await put(site, 1, "failing");
  await program.line(/failing \S+ deferred until/);
  const path = join(site.spool, name);
  const holder = await holdTask(path);
  await Deno.utime(path, 1, 1);
  // When this one is done, the other was tried and failed.
  await put(site, 2, "quick");
  await program.line(/quick \S+ done/);
  await holder[Symbol.asyncDispose]();
  await program.line(/failing \S+ started from spool, attempt 2$/);
});

test("damaged files go to failed/, half-written ones are left alone", async () => {
  await using site = await siteWith();
  await Deno.mkdir(site.spool);
  const damaged = `${TASK_PREFIX}damaged`;
  await Deno.writeTextFile(join(site.spool, damaged), "this is no packet");
  await Deno.writeFile(join(site.spool, `${TASK_PREFIX}short`), Uint8Array.of(17, 50, 0, 0, 1));
  await put(site, 1, "quick");
  await using program = await site.start();
  await untilTold(site, 1);
  await program.line(/damaged: moved to failed/);
  await program.line(/short: unusable/);
  assert((await Deno.stat(join(site.spool, "failed", damaged))).isFile);
});
