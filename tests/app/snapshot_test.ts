/** What the program says that it is doing, beside what it does. */

import { signalGroup } from "../../src/exec/process.ts";
import { VERSION } from "../../src/platform/version.ts";
import { systemClock as clock } from "../../src/platform/clock.ts";
import type { Event } from "../../src/report/event.ts";
import { progressText } from "../../src/report/progress_text.ts";
import type { ProgramSnapshot } from "../../src/report/snapshot.ts";
import { withApp } from "../support/app.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const TASKS = `
export function work(vars) {
  if (vars.fail) throw new Error("told to fail");
}
`;

// What the program opens in this process ends with the process, libraries of the system above all.
const whole = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "a snapshot has spools, what runs, workers, jobs, sockets and targets",
  whole,
  async () => {
    await using site = await makeSite(
      "spooler-processes = 2",
      "spooler-import = tasks.ts",
      "spooler-task = name=slow sleep 30",
      "spooler-max-retries = 1",
      "spooler-retry-delay = 10ms",
      "spooler-forward = out 127.0.0.1:9",
      "spooler-external = theirs",
      "socket = 127.0.0.1:0",
      "cron2 = minute=-5,name=often true",
      "timer2 = every=1h,name=hourly true",
    );
    await Deno.writeTextFile(`${site.dir}/tasks.ts`, TASKS);
    await withApp(site.ini, async (snapshot, events) => {
      const settled = () => events.filter(({ type }) => type === "task.settled").length;
      await until(() => events.some(({ type }) => type === "workers.ready"), "workers");
      await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_1_1_1", { ud_spool_func: "work" });
      const failing = { ud_spool_func: "work", fail: "1" };
      await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_2_1_1", failing);
      await until(() => settled() === 3, "two tasks");
      const late = Date.now() / 1000 + 3600;
      const work = { ud_spool_func: "work" };
      await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_4_1_1", work, { mtime: late });
      await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_3_1_1", { ud_spool_func: "slow" });
      const isSlow = (event: Event) => event.type === "task.started" && event.func === "slow";
      await until(() => events.some(isSlow), "the command");
      await writeTask(`${site.dir}/out`, "uwsgi_spoolfile_on_h_1_5_1_1", { a: "b" });
      await until(async () => (await snapshot()).targets[0]?.up === false, "a target that is down");
      await until(async () => (await snapshot()).running.some(({ pid }) => pid), "its process");

      const now = await snapshot();
      assertEquals([now.version, now.pid, now.file], [VERSION, Deno.pid, site.ini]);
      assertEquals(
        now.spools.map(({ name, external }) => [name, external]),
        [
          ["spool", false],
          ["theirs", true],
          ["out", false],
        ].toSorted((a, b) => orderOf(now, a) - orderOf(now, b)),
      );
      const spool = now.spools.find(({ name }) => name === "spool");
      assertEquals(spool?.counts, {
        ...{ ready: 0, deferred: 1, running: 1, failed: 1 },
        ...{ postponed: 0, held: 0, unusable: 0, stuck: 0 },
      });
      assertEquals([spool?.processes, spool?.paused, spool?.hasMore], [2, false, false]);
      assertEquals([spool?.lastMinuteIn, spool?.lastMinuteOut], [4, 2]);
      assert((spool?.freeBytes ?? 0) > 0);
      const out = now.spools.find(({ name }) => name === "out");
      assertEquals(out?.counts?.ready, 1);
      assert((out?.oldestReadyMs ?? 0) > 1_000_000, "it is due since 1970");

      const [running] = now.running;
      assertEquals(now.running.length, 1);
      assertEquals([running?.spool, running?.id], ["spool", "uwsgi_spoolfile_on_h_1_3_1_1"]);
      assertEquals([running?.function, running?.attempt], ["slow", 1]);
      // The shell that it begins as becomes the command.
      const cmdline = () => Deno.readTextFileSync(`/proc/${running?.pid}/cmdline`);
      await until(() => cmdline().includes("sleep"), "the command's own process");
      assert(Math.abs(clock.now() - (running?.startedAt ?? 0)) < 30_000);

      const answered = now.workers.reduce((sum, { totals }) => sum + totals.answered, 0);
      const exceptions = now.workers.reduce((sum, { totals }) => sum + totals.exceptions, 0);
      assertEquals([answered, exceptions], [3, 2]);
      for (const worker of now.workers) {
        assertEquals([worker.spool, worker.language, worker.totals.spawns], [
          "spool",
          "javascript",
          1,
        ]);
        assert(worker.pid !== null && worker.number >= 1);
      }

      const jobs = now.jobs.map(({ name, when, cron, command }) =>
        [name, when, cron, command] as const
      );
      assertEquals(jobs, [
        ["often", "-5 -1 -1 -1 -1", [-5, -1, -1, -1, -1], "true"],
        ["hourly", "every 1h", null, "true"],
      ]);
      assert(now.jobs.every(({ nextAt }) => (nextAt ?? 0) > now.at));

      assertEquals(now.sockets.length, 1);
      assert(/^127\.0\.0\.1:\d+$/.test(now.sockets[0]?.address ?? ""));
      const [target] = now.targets;
      assertEquals([target?.spool, target?.target, target?.up], ["out", "127.0.0.1:9", false]);
      assert((target?.failures ?? 0) > 0 && (target?.downSinceAt ?? 0) <= now.at);
      assert(now.warnings.some(({ text }) => text.includes("127.0.0.1:9 is down")));
      process(running?.pid);
    });
  },
);

const SLOW = `
export async function resize(_vars, _body, { progress, signal }) {
  for (let done = 0; done < 1000; done++) progress(done, 1000, "resizing");
  progress(1000, 1000, "waiting");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
export function wrong(_vars, _body, { progress }) { progress(NaN); }
`;

Deno.test("a snapshot has how far a task says it is, the last word of many", whole, async () => {
  await using site = await makeSite("spooler-import = tasks.js", "spooler-harakiri = 60");
  await Deno.writeTextFile(`${site.dir}/tasks.js`, SLOW);
  await withApp(site.ini, async (snapshot, events) => {
    await until(() => events.some(({ type }) => type === "workers.ready"), "workers");
    await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_1_1_1", { ud_spool_func: "wrong" });
    await until(() => events.some(({ type }) => type === "task.settled"), "the wrong one");
    const failed = events.find((event) => event.type === "task.settled");
    assert(JSON.stringify(failed).includes("progress needs numbers: NaN"), JSON.stringify(failed));
    await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_2_1_1", { ud_spool_func: "resize" });
    const last = { done: 1000, total: 1000, text: "waiting" };
    const said = async () => (await snapshot()).running[0]?.progress;
    await until(async () => (await said())?.text === "waiting", "its last word");
    assertEquals(await said(), last);
    assertEquals(progressText(last), "1000 of 1000 (100 %), waiting");
    process((await snapshot()).running[0]?.pid);
  });
});

/** Ends the command that would sleep on. */
function process(pid: number | null | undefined): void {
  if (pid) signalGroup(pid, "SIGKILL");
}

function orderOf({ spools }: ProgramSnapshot, [wanted]: unknown[]): number {
  return spools.findIndex(({ name }) => name === wanted);
}
