/** `spooler status` and `spooler kill` with the running program, by its control socket. */

import { join } from "@std/path";
import { attemptsOf, jobsIn } from "../../src/history/reader.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { historyOf, historyOfJobs, soon } from "../support/history.ts";
import { commandLine, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const ONE = "uwsgi_spoolfile_on_h_1_1_1_1";
const TWO = "uwsgi_spoolfile_on_h_1_2_1_1";
const YEAR_MS = 365 * 86_400_000;
const COMMAND = "spooler-task = echo $SPOOL_N >> log; sleep 600";

const started = (site: Site, count: number) =>
  until(async () => {
    const text = await Deno.readTextFile(join(site.dir, "log")).catch(() => "");
    return text.trim().split("\n").filter((line) => line !== "").length === count;
  }, "its start");
const socketsIn = (site: Site) =>
  [...Deno.readDirSync(join(site.spool, ".spooler/control"))].map(({ name }) => name);

testWith("libc", `${programLabel}: status shows what runs, and kill ends it`, async () => {
  await using site = await makeSite(
    COMMAND,
    "spooler-processes = 2",
    "socket = 127.0.0.1:0",
    'cron2 = when="0 3 * * *",name=nightly,unique=1 sleep 600',
  );
  await using program = await site.start();
  await writeTask(site.spool, ONE, { n: "1", ud_spool_func: "work" });
  await started(site, 1);

  const screen = await spooler(["status", "--ini", site.ini]);
  assertEquals([screen.code, screen.stderr], [0, ""]);
  assertMatch(screen.stdout, /^spooler \S+, pid \d+, up \d+s, \S+site\.ini\nhealth: ok\n/);
  assertMatch(screen.stdout, /^spool +0 +0 +1 +0 +\d+ +0 +-/m);
  assertMatch(screen.stdout, /^h_1_1_1_1 +spool +work +1 +\d+ +\S+ \S+ +\d+s$/m);
  assertMatch(screen.stdout, /^nightly +"?0 3 \* \* \*"? +not yet/m);
  assertMatch(screen.stdout, /^sockets: 127\.0\.0\.1:\d+; 0 connections$/m);
  const { programs, healthy } = JSON.parse(
    (await spooler(["status", "--json", "--dir", site.spool])).stdout,
  );
  assertEquals([healthy, programs[0].pid, programs[0].running[0].id], [true, program.pid, ONE]);
  const checked = await spooler(["status", "--check", "--ini", site.ini]);
  assertEquals([checked.code, checked.stdout], [0, "ok\n"]);

  const killed = await spooler(["kill", "h_1_1_1_1", "--ini", site.ini]);
  assertEquals([killed.code, killed.stdout], [0, "h_1_1_1_1: killed: failed\n"]);
  assertMatch(await program.line(/work h_1_1_1_1 killed by/), /killed by \S+, kept in failed\//);
  const idle = await spooler(["kill", ONE, "--ini", site.ini]);
  assertEquals([idle.code, idle.stderr], [1, `spooler: ${ONE}: does not run: it is failed\n`]);

  await writeTask(site.spool, TWO, { n: "2" });
  await started(site, 2);
  const again = await spooler(["kill", TWO, "--retry", "--signal", "INT", "--ini", site.ini]);
  assertEquals(again.stdout, `${TWO}: killed: ready to run again\n`);
  await started(site, 3);
  const removed = await spooler(["kill", TWO, "--remove", "--json", "--dir", site.spool]);
  assertEquals(JSON.parse(removed.stdout), { name: TWO, result: "ended", fate: "removed" });
  const [before, after] = await soon("both runs in the history", () => {
    const runs = attemptsOf(historyOf(site.spool), TWO);
    return runs.length < 2 ? undefined : runs.map(({ entry }) => entry);
  });
  assertEquals([before?.fate, after?.fate], ["ready", "removed"]);
  // Its file says 1970. What it waits for since the retry is all that it has waited.
  assert((before?.waitMs ?? 0) > YEAR_MS && (after?.waitMs ?? Infinity) < YEAR_MS);

  const waiting = await spooler(["kill", "nightly", "--ini", site.ini]);
  assertEquals([waiting.code, waiting.stderr], [
    1,
    "spooler: nightly: does not run: it is waiting\n",
  ]);
  const unknown = await spooler(["kill", "nosuch", "--ini", site.ini]);
  assertEquals([unknown.code, unknown.stderr], [1, "spooler: nosuch: no such task or job\n"]);
  for (const wrong of [["--signal", "WINCH"], ["--fail", "--retry"]]) {
    assertEquals((await spooler(["kill", ONE, ...wrong, "--ini", site.ini])).code, 2);
  }
  assertEquals(await program.stop(), 0);
  assertEquals(socketsIn(site), []);
});

testWith(
  "libc",
  `${programLabel}: without a program status shows the disk, and says so`,
  async () => {
    await using site = await makeSite(COMMAND);
    await writeTask(site.spool, ONE, { n: "1" });
    const screen = await spooler(["status", "--ini", site.ini]);
    assertEquals(screen.code, 0);
    assertMatch(screen.stdout, /^no running spooler answers here; on disk:\n/);
    assertMatch(screen.stdout, /\/spool +1 +0 +0 +0 +\d+d$/m);
    const checked = await spooler(["status", "--check", "--ini", site.ini]);
    assertEquals([checked.code, checked.stdout], [1, "no running spooler answers\n"]);
    const killed = await spooler(["kill", ONE, "--ini", site.ini]);
    assertEquals(killed.code, 1);
    assertMatch(killed.stderr, /: no running spooler answers in .*; it is ready$/m);
  },
);

testWith(
  "libc",
  `${programLabel}: each program on a directory is reached, also after a reload; what a killed one left is replaced`,
  async () => {
    await using site = await makeSite(COMMAND, "spooler-processes = 1");
    await using first = await site.start();
    await using second = await site.start();
    assertEquals(socketsIn(site).length, 2);
    for (const name of socketsIn(site)) {
      const { mode, isSocket } = Deno.lstatSync(join(site.spool, ".spooler/control", name));
      assertEquals([isSocket, (mode ?? 0) & 0o777], [true, 0o600]);
    }
    await writeTask(site.spool, ONE, { n: "1" });
    await writeTask(site.spool, TWO, { n: "2" });
    await started(site, 2);
    Deno.kill(first.pid, "SIGHUP");
    await first.line(/^.*\bready$/, 2);
    const { stdout } = await spooler(["status", "--json", "--ini", site.ini]);
    const pids = JSON.parse(stdout).programs.map(({ pid }: { pid: number }) => pid);
    assertEquals(pids.toSorted(), [first.pid, second.pid].toSorted());
    // Each runs one of them, the first in the life before its reload.
    const killed = await spooler(["kill", ONE, TWO, "--remove", "--ini", site.ini]);
    assertEquals(killed.stdout, `${ONE}: killed: removed\n${TWO}: killed: removed\n`);

    await second.kill();
    assertEquals(socketsIn(site).length, 2);
    assertEquals((await spooler(["status", "--check", "--ini", site.ini])).code, 0);
    await using third = await site.start();
    assertEquals(socketsIn(site).length, 2);
    assert(socketsIn(site).some((name) => name.startsWith(`${third.pid}_`)));
  },
);

testWith(
  ["root", "python"],
  `${programLabel}: a task in a worker of another user is killed`,
  async () => {
    await using site = await makeSite(
      ...["chdir = /", "python = /usr/bin/python3", "spooler-import = tasks.py"],
      "spooler-uid = daemon",
    );
    await Deno.chmod(site.dir, 0o755);
    await Deno.writeTextFile(
      join(site.dir, "tasks.py"),
      "import time\nfrom uwsgidecorators import spool\n\n" +
        "@spool\ndef slow(env):\n    print('begun', flush=True)\n    time.sleep(600)\n",
    );
    await using program = await site.start();
    await program.line(/tasks\.py loaded/);
    await writeTask(site.spool, ONE, { ud_spool_func: "slow" });
    await program.line(/begun/);
    const retried = await spooler(["kill", ONE, "--retry", "--signal", "KILL", "--ini", site.ini]);
    assertEquals(retried.stdout, `${ONE}: killed: ready to run again\n`);
    await program.line(/begun/, 2);
    const killed = await spooler(["kill", ONE, "--ini", site.ini]);
    assertEquals([killed.code, killed.stdout], [0, `${ONE}: killed: failed\n`]);
    const { reason, attempts } = JSON.parse(
      await Deno.readTextFile(join(site.spool, "failed", `${ONE}.json`)),
    );
    assertMatch(reason, /^killed by /);
    assertEquals(attempts, null);
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "libc",
  `${programLabel}: run-job starts what task code has registered, in the running program`,
  async () => {
    await using site = await makeSite("spooler-import = tasks.mjs", "timer = 5 3600");
    await Deno.writeTextFile(
      join(site.dir, "tasks.mjs"),
      `uwsgi.signal(5, () => console.log("handled"));
uwsgi.cron(0, 3, 1, 1, -1, function yearly() { console.log("a year"); });
`,
    );
    const runJob = (name: string) => spooler(["run-job", name, "--ini", site.ini]);
    const early = await runJob("tasks/yearly");
    assertEquals(early.code, 2);
    assertMatch(
      early.stderr,
      /only a running program could start it, and no running program answers/,
    );
    await using program = await site.start();
    await program.line(/schedule tasks\/yearly: /);
    const started = await runJob("tasks/yearly");
    assertEquals([started.code, started.stdout], [
      0,
      "tasks/yearly: started, in the running program\n",
    ]);
    await program.line(/a year/);
    assertEquals((await runJob("signal-5")).code, 0);
    await program.line(/handled/);
    const killed = await spooler(["kill", "tasks/yearly", "--ini", site.ini]);
    assertEquals(killed.stderr, "spooler: tasks/yearly: does not run: it is waiting\n");
    assertMatch((await runJob("monthly")).stderr, /the running program has no such job/);
    await program.line(/: started job tasks\/yearly$/);
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "libc",
  `${programLabel}: status and kill reach a program that has only jobs`,
  async () => {
    await using site = await makeSite();
    const job = "timer2 = every=1h,at-start=1,name=slow sleep 600";
    await Deno.writeTextFile(site.ini, `[uwsgi]\n${job}\n`);
    await using program = await site.start();
    await program.line(/ job slow started/);
    const ini = ["--ini", site.ini];
    const screen = await spooler(["status", ...ini]);
    assertEquals([screen.code, screen.stderr], [0, ""]);
    assertMatch(screen.stdout, /^slow +every 1h .* running /m);
    assertEquals((await spooler(["status", "--check", ...ini])).stdout, "ok\n");
    const unknown = await spooler(["kill", ONE, ...ini]);
    assertEquals([unknown.code, unknown.stderr], [1, `spooler: ${ONE}: no such task or job\n`]);
    const killed = await spooler(["kill", "slow", ...ini]);
    assertEquals([killed.code, killed.stdout], [0, "slow: killed: failed\n"]);
    await program.line(/ job slow killed by/);
    assertEquals(await program.stop(), 0);
    const alone = await spooler(["status", ...ini]);
    assertEquals([alone.code, alone.stdout], [0, "no running spooler answers here\n"]);
    assertEquals((await spooler(["status", "--check", ...ini])).code, 1);
  },
);

testWith(
  "libc",
  `${programLabel}: kill ends what run-job runs, and the history has it`,
  async () => {
    await using site = await makeSite(
      ...["cron-state = jobs.state", "spooler-output = all", "spooler-task = true"],
      'cron2 = when="0 3 * * *",name=slow echo begun | tee -a log; sleep 600',
      'cron2 = when="0 3 * * *",name=quick echo done',
    );
    const [file, args] = commandLine(["run-job", "slow", "--ini", site.ini]);
    const stdio = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const inForeground = new Deno.Command(file, { args, ...stdio }).output();
    await started(site, 1);
    const kill = (...how: string[]) => spooler(["kill", "slow", ...how, "--ini", site.ini]);
    const refused = await kill("--remove");
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /slow: not killed: a job has no file to remove/);
    assertEquals((await kill("--retry")).stdout, "slow: killed: ready to run again\n");
    await started(site, 2);
    const other = await spooler(["kill", "quick", "--ini", site.ini]);
    assertMatch(other.stderr, /quick: no such task, and no running spooler answers/);
    const killed = await kill();
    assertEquals([killed.code, killed.stdout], [0, "slow: killed: failed\n"]);
    const { code, stderr } = await inForeground;
    assertEquals(code, 1);
    assertMatch(new TextDecoder().decode(stderr), / job slow killed by /);
    assertEquals((await spooler(["run-job", "quick", "--ini", site.ini])).code, 0);
    const runs = [...jobsIn(historyOfJobs(join(site.dir, "jobs.state")))].map(({ entry }) => entry);
    assertEquals(runs.map(({ job, ok, output }) => [job, ok, output?.lines]), [
      ...[["quick", true, 1], ["slow", false, 1], ["slow", false, 1]],
    ]);
    const log = await spooler(["log", "quick", "--ini", site.ini]);
    assertMatch(log.stdout, /done/);
    assertEquals([...Deno.readDirSync(join(site.dir, "jobs.state.run-job"))], []);
    assertMatch((await kill()).stderr, /slow: no such task, and no running spooler answers/);
  },
);
