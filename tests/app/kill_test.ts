/** An operator ends runs: of commands, of task code in batches and chosen, of jobs, and of signal handlers. */

import { join } from "@std/path";
import { KILL_FATES, type KillFate } from "../../src/task/outcome.ts";
import type { Event } from "../../src/report/event.ts";
import { type AppInTest, withApp } from "../support/app.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

// What the program opens in this process ends with the process, libraries of the system above all.
const whole = { sanitizeOps: false, sanitizeResources: false };

const ONE = "uwsgi_spoolfile_on_h_1_1_1_1";
const TWO = "uwsgi_spoolfile_on_h_1_2_1_1";
const THREE = "uwsgi_spoolfile_on_h_1_3_1_1";
const FAIL = { fate: "fail", signal: null } as const;

const isThere = async (path: string) => await Deno.lstat(path).then(() => true, () => false);
const linesOf = (path: string) =>
  Deno.readTextFile(path).then((text) => text.trimEnd().split("\n"), () => []);
const settledOf = (events: readonly Event[], task: string) =>
  events.flatMap((event) => event.type === "task.settled" && event.task === task ? [event] : []);

async function recordOf(site: Site, name: string) {
  return JSON.parse(await Deno.readTextFile(join(site.spool, "failed", `${name}.json`)));
}

/** A pid in a file that a command has written. */
async function pidIn(path: string): Promise<number> {
  await until(async () => /\d\n/.test(await Deno.readTextFile(path).catch(() => "")), path);
  return Number(await Deno.readTextFile(path));
}

const isAlive = (pid: number) => isThere(`/proc/${pid}`);

for (const fate of KILL_FATES) {
  testWith("libc", `a killed command ends with its group: ${fate}`, async () => {
    await using site = await makeSite(
      "spooler-task = echo started >> log; sleep 600 & echo $! > pid; trap 'exit 0' TERM; wait",
      "spooler-on-failure = touch gave-up",
    );
    await withApp(site.ini, async (_snapshot, events, { actions }) => {
      await writeTask(site.spool, ONE, { a: "b" });
      const pid = await pidIn(join(site.dir, "pid"));
      const task = { spool: "spool", id: ONE };
      const result = await actions.kill("tester", task, { fate, signal: null });
      const became = { fail: "failed", retry: "ready", remove: "removed" } as const;
      assertEquals(result, { kind: "ended", fate: became[fate] });
      await until(async () => !await isAlive(pid), "the end of its group");
      const [settled] = settledOf(events, ONE);
      assertEquals([settled?.attempt, settled?.fate.kind], [1, became[fate]]);
      assertEquals(await isThere(join(site.spool, "failed", ONE)), fate === "fail");
      if (fate === "fail") {
        const { reason, attempts } = await recordOf(site, ONE);
        assertEquals([reason, attempts], ["killed by tester", null]);
      }
      if (fate === "retry") {
        await until(async () => (await linesOf(join(site.dir, "log"))).length === 2, "a new run");
        await until(
          () => events.filter(({ type }) => type === "task.started").length === 2,
          "its start",
        );
        const attempts = events.flatMap((each) =>
          each.type === "task.started" ? [each.attempt] : []
        );
        assertEquals(attempts, [1, 1]);
        await actions.kill("tester", task, { fate: "remove", signal: "SIGKILL" });
      }
      assertEquals(await isThere(join(site.spool, ONE)), false);
      assertEquals(await isThere(join(site.dir, "gave-up")), false);
      const acted = events.flatMap((event) => event.type === "operator.acted" ? [event] : []);
      assertEquals(acted[0]?.by, "tester");
      assertEquals(acted[0]?.text, "ended the run of task h_1_1_1_1");
    });
  }, whole);
}

testWith("libc", "a kill sends the signal that it names", async () => {
  await using site = await makeSite(
    "spooler-task = trap 'echo int >> log; exit 3' INT; echo started >> log; while :; do sleep 0.05; done",
  );
  await withApp(site.ini, async (_snapshot, _events, { actions }) => {
    await writeTask(site.spool, ONE, { a: "b" });
    const log = join(site.dir, "log");
    await until(async () => (await linesOf(log)).length === 1, "its start");
    const task = { spool: site.spool, id: ONE };
    const result = await actions.kill("tester", task, { fate: "fail", signal: "SIGINT" });
    assertEquals(result, { kind: "ended", fate: "failed" });
    assertEquals(await linesOf(log), ["started", "int"]);
  });
}, whole);

const TASK_CODE = {
  "tasks.mjs": `
import { appendFileSync } from "node:fs";
const spin = (file) => { appendFileSync(file, "started\\n"); while (true); };
export const quick = () => {};
export const slow = () => spin("log");
export const flaky = () => { throw new Error("told to fail"); };
export const second = (vars, body, task) => { if (task.attempt === 1) throw new Error("once"); spin("log"); };
export const polite = (vars, body, task) => new Promise((_done, fail) => {
  task.signal.addEventListener("abort", () => fail(task.signal.reason));
  appendFileSync("log", "started\\n");
});
uwsgi.signal(5, () => spin("signalled"));
`,
  "tasks.py": `
import time
import uwsgi
from uwsgidecorators import spool, signal as on_signal

def spin(file):
    with open(file, "a") as log:
        log.write("started\\n")
    time.sleep(600)

@spool
def quick(env):
    pass

@spool
def slow(env):
    spin("log")

seen = "seen"

@spool
def second(env):
    import os
    if not os.path.exists(seen):
        open(seen, "w").close()
        raise ValueError("once")
    spin("log")

@on_signal(5)
def signalled(num):
    spin("signalled")
`,
};

for (const [file, code] of Object.entries(TASK_CODE)) {
  const need = file === "tasks.py" ? "python" : "libc";
  const start = async (...lines: string[]) => {
    const site = await makeSite(
      `spooler-import = ${file}`,
      "spooler-retry-delay = 0.1",
      "spooler-frequency = 1",
      ...lines,
    );
    await Deno.writeTextFile(join(site.dir, file), code);
    return site;
  };

  testWith(need, `${file}: killed tasks of workers; no other is charged`, async () => {
    await using site = await start("timer = 5 3600");
    const log = join(site.dir, "log");
    const untilRun = async (run: number) =>
      await until(async () => (await linesOf(log)).length === run, `start ${run}`);
    await withApp(site.ini, async (snapshot, events, { actions }) => {
      const kill = (id: string, fate: KillFate, signal: "SIGKILL" | "SIGTERM" | null = "SIGKILL") =>
        actions.kill("tester", { spool: "spool", id }, { fate, signal });
      const put = (id: string, ud_spool_func: string) =>
        writeTask(site.spool, id, { ud_spool_func });
      await until(() => events.some(({ type }) => type === "workers.ready"), "its modules");

      // All of them in one batch.
      await actions.pause("tester", "spool");
      await put(ONE, "quick");
      await put(TWO, "slow");
      await put(THREE, "quick");
      await until(async () => (await snapshot()).spools[0]?.counts?.ready === 3, "three tasks");
      await actions.resume("tester", "spool");
      await untilRun(1);
      assertEquals(await kill(THREE, "fail"), { kind: "not running", state: "ready" });
      assertEquals((await snapshot()).running.map(({ id }) => id), [TWO]);
      assertEquals(await kill(TWO, "fail", null), { kind: "ended", fate: "failed" });
      await until(() => settledOf(events, THREE).length === 1, "the task behind it");
      for (const name of [ONE, THREE]) {
        const fates = settledOf(events, name).map((each) => [each.attempt, each.fate.kind]);
        assertEquals(fates, [[1, "done"]], name);
      }
      const { reason, attempts } = await recordOf(site, TWO);
      assertEquals([reason, attempts], ["killed by tester", null]);

      await put(TWO, "slow");
      await untilRun(2);
      assertEquals(await kill(TWO, "retry"), { kind: "ended", fate: "ready" });
      await untilRun(3);
      assertEquals(await kill(TWO, "remove", "SIGTERM"), { kind: "ended", fate: "removed" });
      assertEquals(await isThere(join(site.spool, TWO)), false);
      assert(settledOf(events, TWO).every(({ attempt }) => attempt === 1));
      assertEquals([...Deno.readDirSync(join(site.spool, ".spooler/attempts"))], []);

      // Its second run is one that the program has chosen a worker for.
      await put(ONE, "second");
      await untilRun(4);
      assertEquals(await kill(ONE, "fail"), { kind: "ended", fate: "failed" });
      const record = await recordOf(site, ONE);
      assertEquals([record.reason, record.attempts.failures], ["killed by tester", 1]);
      assertMatch(record.attempts.reason, /once/);

      const [job] = (await snapshot()).jobs;
      const isTaken = () => actions.runJob("tester", job?.name ?? "").kind !== "refused";
      await until(isTaken, "a handler");
      await until(async () => await isThere(join(site.dir, "signalled")), "a registered function");
      const wish = { fate: "fail", signal: "SIGKILL" } as const;
      const result = await actions.killJob("tester", job?.name ?? "", wish);
      assertEquals(result, { kind: "ended", fate: "failed" });
      const ended = events.flatMap((event) =>
        event.type === "job.ended" ? [[event.exit, event.killed]] : []
      );
      assertEquals(ended, [["killed by tester", true]]);
      assert(!events.some(({ type }) => type === "workers.unloadable"));
    });
  }, whole);
}

testWith("libc", "task code that obeys its signal is not ended with its worker", async () => {
  await using site = await makeSite("spooler-import = tasks.mjs");
  await Deno.writeTextFile(join(site.dir, "tasks.mjs"), TASK_CODE["tasks.mjs"]);
  await withApp(site.ini, async (snapshot, events, { actions }) => {
    await writeTask(site.spool, ONE, { ud_spool_func: "polite" });
    await until(async () => (await linesOf(join(site.dir, "log"))).length === 1, "its start");
    const before = (await snapshot()).workers.map(({ pid }) => pid);
    const result = await actions.kill("tester", { spool: "spool", id: ONE }, FAIL);
    assertEquals(result, { kind: "ended", fate: "failed" });
    assertEquals((await recordOf(site, ONE)).attempts, null);
    assertEquals((await snapshot()).workers.map(({ pid }) => pid), before);
    assert(!events.some(({ type }) => type === "worker.ended"));
  });
}, whole);

/** The job has written its pid into a file of the site. */
async function pidOfJob(site: Site): Promise<number> {
  const pid = await pidIn(join(site.dir, "pid"));
  await Deno.remove(join(site.dir, "pid"));
  return pid;
}

testWith("libc", "a killed job ends without its retries and its on-failure", async () => {
  await using site = await makeSite(
    `cron2 = when="0 3 * * *",name=nightly,unique=1,retries=3,on-failure="touch failed" echo $$ > pid; sleep 600`,
  );
  await withApp(site.ini, async (snapshot, events, { actions }) => {
    const kill = (fate: "fail" | "retry" | "remove") =>
      actions.killJob("tester", "nightly", { fate, signal: null });
    assertEquals(await kill("fail"), { kind: "not running", state: "waiting" });
    assertEquals(await actions.killJob("tester", "nosuch", FAIL), {
      kind: "not running",
      state: null,
    });
    await until(() => actions.runJob("tester", "nightly").kind === "started", "the schedules");
    assertEquals(actions.runJob("tester", "nightly").kind, "refused");
    const first = await pidOfJob(site);
    const byHand = (await snapshot()).jobs[0]?.lastRun;
    assertEquals([byHand?.pid, byHand?.endedAt], [first, null]);
    assertEquals((await kill("remove")).kind, "refused");
    assertEquals(await kill("retry"), { kind: "ended", fate: "ready" });
    assertEquals(await isAlive(first), false);
    const second = await pidOfJob(site);
    assertEquals(await kill("fail"), { kind: "ended", fate: "failed" });
    assertEquals(await isAlive(second), false);
    const ends = events.flatMap((event) =>
      event.type === "job.ended" ? [[event.exit, event.killed]] : []
    );
    assertEquals(ends, [["killed by tester", true], ["killed by tester", true]]);
    assertEquals((await snapshot()).jobs[0]?.lastRun?.result, "killed by tester");
    assert(!events.some(({ type }) => type === "job.retrying"));
    assertEquals(await isThere(join(site.dir, "failed")), false);
    assertEquals((await snapshot()).jobs[0]?.running, 0);
  });
}, whole);

testWith(
  "libc",
  "what does not run is not killed, and a task on its way to a target refuses",
  async () => {
    const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = silent.addr as Deno.NetAddr;
    const accepting = silent.accept().catch(() => null);
    await using site = await makeSite(
      "spooler-task = true",
      `spooler-forward = out 127.0.0.1:${port}`,
    );
    try {
      await withApp(site.ini, async (snapshot, _events, { actions }: AppInTest) => {
        await writeTask(join(site.dir, "out"), ONE, { a: "b" });
        await until(async () => (await snapshot()).running.length === 1, "a delivery");
        const result = await actions.kill("tester", { spool: "out", id: ONE }, FAIL);
        assertEquals(result.kind, "refused");
        const late = Date.now() / 1000 + 3600;
        await writeTask(site.spool, TWO, { a: "b" }, { mtime: late });
        await until(async () => (await snapshot()).spools[0]?.counts?.deferred === 1, "a task");
        assertEquals(await actions.kill("tester", { spool: "spool", id: TWO }, FAIL), {
          kind: "not running",
          state: "deferred",
        });
        assertEquals(await actions.kill("tester", { spool: "spool", id: THREE }, FAIL), {
          kind: "not running",
          state: null,
        });
      });
    } finally {
      silent.close();
      (await accepting)?.close();
    }
  },
  whole,
);
