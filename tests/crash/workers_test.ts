/** Workers that are killed at random, while they drain a spool: every task runs, none is lost. */

import { childrenOf } from "../support/processes.ts";
import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { seededRandom } from "../support/random.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const TASKS = 400;
const KILLS = 15;

testWith("libc", "tasks survive workers that are killed at any moment", async () => {
  await using site = await makeSite(
    "spooler-import = tasks.mjs",
    "spooler-processes = 3",
    "spooler-retry-delay = 0.05",
    "spooler-retry-max-delay = 0.2",
    "spooler-frequency = 1",
  );
  await Deno.writeTextFile(
    join(site.dir, "tasks.mjs"),
    `export const note = ({ n }) => {
      for (const end = performance.now() + 2; performance.now() < end;);
      Deno.writeTextFileSync("told", n + "\\n", { append: true });
    };`,
  );
  for (let n = 0; n < TASKS; n++) {
    await writeTask(site.spool, `${TASK_PREFIX}test_1_${n}_1_1_0`, {
      ud_spool_func: "note",
      n: String(n),
    });
  }
  const random = seededRandom(7);
  const told = () => {
    try {
      return Deno.readTextFileSync(join(site.dir, "told")).split("\n").slice(0, -1);
    } catch {
      return [];
    }
  };
  await using program = await site.start();
  for (let kill = 0; kill < KILLS; kill++) {
    const before = told().length;
    await until(() => told().length > before || told().length >= TASKS, "a task has run");
    const workers = childrenOf(program.pid);
    const victim = workers[Math.floor(random() * workers.length)];
    if (victim !== undefined) Deno.kill(victim, "SIGKILL");
  }
  const left = () =>
    [...Deno.readDirSync(site.spool)].filter(({ name }) => name.startsWith(TASK_PREFIX)).length;
  await until(() => left() === 0, "the spool is empty");
  const lines = told();
  assertEquals(new Set(lines).size, TASKS);
  // A kill costs no more than the task that ran, which may have done its work already.
  assert(lines.length <= TASKS + KILLS, `${lines.length} runs`);
  assertEquals(await program.stop(), 0);
});

testWith(
  "libc",
  "a task that kills the program each time ends in failed/, the others are done",
  async () => {
    await using site = await makeSite(
      "spooler-import = tasks.mjs",
      "spooler-max-retries = 1",
      "spooler-retry-delay = 0.05",
      "spooler-frequency = 1",
    );
    await Deno.writeTextFile(
      join(site.dir, "tasks.mjs"),
      `export const good = ({ n }) => Deno.writeTextFileSync("told", n + "\\n", { append: true });
    export function deadly() {
      Deno.kill(uwsgi.masterpid, "SIGKILL");
      while (true);
    }`,
    );
    const task = (n: number, func: string) =>
      writeTask(site.spool, `${TASK_PREFIX}test_1_${n}_1_1_0`, {
        ud_spool_func: func,
        n: String(n),
      });
    for (let n = 0; n < 20; n++) await task(n, n === 10 ? "deadly" : "good");
    const failed = join(site.spool, "failed", `${TASK_PREFIX}test_1_10_1_1_0`);
    const isFailed = () => Deno.stat(failed).then(() => true, () => false);
    let starts = 0;
    while (!await isFailed()) {
      assert(++starts < 10, "it is never found out");
      const program = await site.start();
      await Promise.race([
        program.ended(),
        program.line(/deadly \S+ given up, kept in failed/).catch(() => {}),
      ]);
      await program.kill();
    }
    await using program = await site.start();
    const left = () =>
      [...Deno.readDirSync(site.spool)].filter(({ name }) => name.startsWith(TASK_PREFIX)).length;
    await until(() => left() === 0, "the others are done");
    const told = Deno.readTextFileSync(join(site.dir, "told")).split("\n").slice(0, -1);
    assertEquals(new Set(told).size, 19);
    assertEquals(await program.stop(), 0);
  },
);
