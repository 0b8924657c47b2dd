/** What ran is remembered, with what it printed: across kills, and by several programs at once. */

import { join } from "@std/path";
import { attemptsOf, jobsIn, outputOf, presentOutput, tasksIn } from "../../src/history/reader.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { historyOf, historyOfJobs, soon } from "../support/history.ts";
import { Program, programLabel } from "../support/program.ts";
import { type Need, testWith } from "../support/require.ts";
import { makeSite, rewriteSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const taskName = (text: string) => TASK_PREFIX + text;

const FLOOD = 20_000;
const TYPESCRIPT = `
export function flood() {
  for (let line = 1; line <= ${FLOOD}; line++) console.log(String(line));
}
`;
const PYTHON = `
from uwsgidecorators import spool

@spool
def flood(env):
    for line in range(1, ${FLOOD + 1}):
        print(line)
`;

const FLOODS: readonly (readonly [string, string, readonly Need[]])[] = [
  ["a command", `spooler-task = name=flood seq ${FLOOD}`, ["libc"]],
  ["a TypeScript task", "spooler-import = tasks.ts", ["libc"]],
  ["a Python task", "spooler-import = tasks.py", ["libc", "python"]],
];

for (const [what, line, needs] of FLOODS) {
  testWith(
    needs,
    `${programLabel}: what ${what} prints over the log's budget is in its output, bounded, and not in the log`,
    async () => {
      await using site = await makeSite(
        ...["spooler-output = all", "spooler-output-max = 32k", line],
      );
      await Deno.writeTextFile(join(site.dir, "tasks.ts"), TYPESCRIPT);
      await Deno.writeTextFile(join(site.dir, "tasks.py"), PYTHON);
      await using program = await site.start();
      await writeTask(site.spool, taskName("1"), { ud_spool_func: "flood" });
      await program.line(/ flood \S+ done \(/);
      assertEquals(await program.stop(), 0);
      const files = historyOf(site.spool);
      const [run] = tasksIn(files);
      assert(run?.entry.output);
      assertEquals(run.entry.output.lines, FLOOD);
      const kept = outputOf(files, run) ?? [];
      // Each line says its own number: the first ones and the last ones are there, in their order.
      assert(kept.every(({ number, text }) => text === String(number)));
      assertEquals([kept[0]?.number, kept.at(-1)?.number], [1, FLOOD]);
      assert(kept.length > 100 && kept.length < 2000, `${kept.length} lines`);
      const path = join(
        site.spool,
        ".spooler/history",
        `${run.segment}.output`,
        run.entry.output.file ?? "",
      );
      assert((await Deno.stat(path)).size <= 32 * 1024);
      const logged = program.log.split("\n").filter((each) => / flood\| \d+$/.test(each));
      assert(logged.length >= 2000 && logged.length < FLOOD / 2, `${logged.length} lines`);
      assertMatch(program.log, / flood \S+: \d+ more lines of output were not logged$/m);
    },
  );
}

Deno.test(`${programLabel}: attempts, fates and waits of tasks are remembered`, async () => {
  await using site = await makeSite(
    ...["spooler-output = failed", "spooler-max-retries = 1", "spooler-retry-delay = 1"],
    "spooler-task = name=good echo fine",
    "spooler-task = name=bad echo attempt $SPOOLER_ATTEMPT >&2; exit 3",
  );
  await using program = await site.start();
  await writeTask(site.spool, taskName("1"), { ud_spool_func: "good" });
  await writeTask(site.spool, taskName("2"), { ud_spool_func: "bad" });
  await program.line(/ good \S+ done /);
  await program.line(/ bad \S+ given up/);
  assertEquals(await program.stop(), 0);
  const files = historyOf(site.spool);
  const [good] = attemptsOf(files, taskName("1"));
  assert(good);
  const { fate, func, attempt, reason, output } = good.entry;
  assertEquals([fate, func, attempt, reason], ["done", "good", 1, null]);
  assertEquals(output, { lines: 1, bytes: 5, file: null });
  const runs = attemptsOf(files, taskName("2"));
  assertEquals(runs.map(({ entry }) => [entry.attempt, entry.fate, entry.reason]), [
    [1, "deferred", "exit code 3"],
    [2, "failed", "exit code 3"],
  ]);
  assertEquals(
    runs.map((run) => outputOf(files, run)?.map(({ stream, text }) => [stream, text])),
    [[["stderr", "attempt 1"]], [["stderr", "attempt 2"]]],
  );
  assert(runs.every(({ entry }) => entry.waitMs !== null && entry.startedAt > 1.7e12));
});

testWith(
  "libc",
  `${programLabel}: a kill in the middle leaves what ran before, and what the running task had printed`,
  async () => {
    await using site = await makeSite(
      ...["spooler-output = all", "spooler-task = name=quick echo quick"],
      "spooler-task = name=slow echo begun; while ! test -e go; do sleep 0.1; done",
    );
    const files = historyOf(site.spool);
    const slow = taskName("2");
    {
      await using program = await site.start();
      await writeTask(site.spool, taskName("1"), { ud_spool_func: "quick" });
      await soon("the run of quick", () => attemptsOf(files, taskName("1"))[0]);
      await writeTask(site.spool, taskName("2"), { ud_spool_func: "slow" });
      await soon("the output of slow", () => presentOutput(files, slow) ?? undefined);
      await program.kill();
    }
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await using program = await site.start();
    await program.line(/ slow \S+ done /);
    assertEquals(await program.stop(), 0);
    assertEquals(
      [...tasksIn(files)].map(({ entry: { func, fate, reason } }) => [func, fate, reason]),
      [
        ["slow", "done", null],
        ["slow", "ready", "the program died while it ran"],
        ["quick", "done", null],
      ],
    );
    const outputs = [...tasksIn(files)].map((run) => outputOf(files, run)?.map(({ text }) => text));
    assertEquals(outputs, [["begun"], ["begun"], ["quick"]]);
    assertEquals(files.running(), []);
  },
);

testWith("libc", `${programLabel}: two programs on one directory write one history`, async () => {
  await using site = await makeSite(
    ...["spooler-output = all", "spooler-task = name=echo echo $SPOOLER_TASK"],
    "spooler-task = name=slow echo begun; while ! test -e go; do sleep 0.1; done",
  );
  const files = historyOf(site.spool);
  await using first = await site.start();
  await writeTask(site.spool, taskName("slow"), { ud_spool_func: "slow" });
  const slow = taskName("slow");
  await soon("the output of slow", () => presentOutput(files, slow) ?? undefined);
  // The second takes nothing of a living program for left behind.
  await using second = await Program.start(["--ini", site.ini]);
  assertEquals(presentOutput(files, slow)?.lines.map(({ text }) => text), ["begun"]);
  const names = Array.from({ length: 40 }, (_, at) => `t${at}`);
  for (const name of names) await writeTask(site.spool, taskName(name), { ud_spool_func: "echo" });
  await soon("all runs", () => [...tasksIn(files)].length >= 40 || undefined);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await soon("the run of slow", () => attemptsOf(files, slow)[0]);
  const codes = [await first.stop(), await second.stop()];
  assertEquals(codes, [0, 0]);
  const runs = [...tasksIn(files, { func: "echo" })];
  assertEquals(
    runs.map(({ entry }) => entry.name).toSorted(),
    names.map((name) => taskName(name)).toSorted(),
  );
  for (const run of runs) {
    assertEquals(outputOf(files, run)?.map(({ text }) => text), [run.entry.name]);
  }
  assertEquals(`${first.log}${second.log}`.includes("history"), false);
});

Deno.test(`${programLabel}: what jobs ran and printed is remembered beside their state`, async () => {
  await using site = await makeSite(
    ...["cron-state = jobs.state", "spooler-output = all"],
    "timer2 = every=1s,name=tick echo tick; exit 4",
  );
  await using program = await site.start();
  await program.line(/ job tick failed: exit code 4 /, 2);
  assertEquals(await program.stop(), 0);
  const files = historyOfJobs(join(site.dir, "jobs.state"));
  const runs = [...jobsIn(files, { job: "tick" })];
  assert(runs.length >= 2);
  for (const run of runs) {
    const { attempt, ok, result, slot } = run.entry;
    assertEquals([attempt, ok, result, slot % 1000], [1, false, "exit code 4", slot % 1000]);
    assertEquals(outputOf(files, run)?.map(({ text }) => text), ["tick"]);
  }
});

Deno.test(`${programLabel}: spooler-history = 0 writes nothing`, async () => {
  await using site = await makeSite(
    ...["spooler-history = 0", "spooler-task = name=quick echo quick"],
  );
  await using program = await site.start();
  await writeTask(site.spool, taskName("1"), { ud_spool_func: "quick" });
  await program.line(/ quick \S+ done /);
  assertEquals(await program.stop(), 0);
  const names = [...Deno.readDirSync(join(site.spool, ".spooler"))].map(({ name }) => name);
  assertEquals(names.includes("history"), false);
});

Deno.test(`${programLabel}: a reload that is refused leaves the history as it was`, async () => {
  const task = "spooler-task = name=quick echo quick";
  await using site = await makeSite(task);
  await using program = await site.start();
  await writeTask(site.spool, taskName("1"), { ud_spool_func: "quick" });
  await program.line(/ quick \S+ done /);
  const wrong = "timer2 = every=1h,user=nobody-of-this-name true";
  await rewriteSite(site, task, "spooler-history = 0", wrong);
  program.signal("SIGHUP");
  await program.line(/ no reload: .*nobody-of-this-name/);
  await writeTask(site.spool, taskName("2"), { ud_spool_func: "quick" });
  await program.line(/ quick \S+ done /, 2);
  assertEquals(await program.stop(), 0);
  assertEquals([...tasksIn(historyOf(site.spool))].length, 2);
});
