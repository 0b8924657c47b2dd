/** Signals: what stops the program, how long it waits, and what becomes of what runs. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { isRunning } from "../support/processes.ts";
import { makeSite, pushTask, rewriteSite, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: stop: ${name}`, body);

/** How many tasks a spool has in each state. */
async function states(site: Site): Promise<Record<string, number>> {
  const { stdout } = await spooler(["list", "--dir", site.spool, "--json"]);
  const counts: Record<string, number> = {};
  for (const line of stdout.trim().split("\n").filter(Boolean)) {
    const { state } = JSON.parse(line) as { state: string };
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

const BEGUN_AND_SLOW =
  "spooler-task = echo begun; while ! test -f go; do sleep 0.05; done; echo ended";

test("SIGTERM waits for what runs", async () => {
  await using site = await makeSite(BEGUN_AND_SLOW);
  await using program = await site.start();
  await pushTask(site, "a=1");
  await program.line(/\| begun/);
  program.signal("SIGTERM");
  await program.line(/ stopping \(SIGTERM\): waiting for 1 running; send it again to kill/);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  assertEquals(await program.ended(), 0);
  assertMatch(program.log, /\| ended/);
  assertEquals(await states(site), {});
});

test("after worker-reload-mercy it says what it waits for, and ends it; the task is not charged", async () => {
  await using site = await makeSite(BEGUN_AND_SLOW, "worker-reload-mercy = 1");
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=slow");
  await program.line(/\| begun/);
  assertEquals(await program.stop(), 0);
  assertMatch(program.log, /time is up, killing 1: task \S+ \(slow\) for \d+ s/);
  assertEquals(await states(site), { ready: 1 });
});

test("SIGQUIT ends what runs at once", async () => {
  await using site = await makeSite(BEGUN_AND_SLOW);
  await using program = await site.start();
  await pushTask(site, "a=1");
  await program.line(/\| begun/);
  program.signal("SIGQUIT");
  assertEquals(await program.ended(), 0);
  assertEquals(await states(site), { ready: 1 });
});

test("a task whose command got the same SIGTERM was interrupted, and is not charged", async () => {
  await using site = await makeSite(
    "spooler-max-retries = 1",
    "spooler-task = echo pid $$; sleep 600",
    "timer2 = every=1h,at-start=yes,name=long echo job $$; sleep 600",
  );
  await using program = await site.start();
  await pushTask(site, "a=1");
  const task = /pid (\d+)/.exec(await program.line(/\| pid \d+/))?.[1];
  const job = /job (\d+)/.exec(await program.line(/\| job \d+/))?.[1];
  // A supervisor that signals the whole control group reaches the children first, now and then.
  for (const pid of [task, job]) Deno.kill(-Number(pid), "SIGTERM");
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(await states(site), { ready: 1 });
  assert(!/given up|deferred until/.test(program.log), program.log);
});

test("SIGUSR1 logs a status; signals that would end a program are ignored", async () => {
  await using site = await makeSite(BEGUN_AND_SLOW);
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=slow");
  await program.line(/\| begun/);
  for (const signal of ["SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR"] as const) {
    program.signal(signal);
  }
  program.signal("SIGUSR1");
  await program.line(/ status: running: 1: task \S+ \(slow\) for \d+ s; spool: 1$/);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await program.line(/\| ended/);
  await until(async () => Object.keys(await states(site)).length === 0, "the task to be done");
  assertEquals(await program.stop(), 0);
});

test("right behind the start nothing is in its way", async () => {
  await using site = await makeSite("socket = 127.0.0.1:0", "spooler-task = true");
  for (let time = 0; time < 5; time++) {
    await using program = await site.start();
    assertEquals(await program.stop(), 0, program.log);
    assert(!program.log.includes("unexpected error"), program.log);
  }
});

test("a second SIGTERM ends what runs, whole groups, also what ignores it", async () => {
  await using site = await makeSite(
    "spooler-task = trap '' TERM; (trap '' TERM; sleep 600) & echo begun $$ $!; wait; sleep 600",
  );
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=stubborn");
  const pids = /begun (\d+) (\d+)/.exec(await program.line(/\| begun/))?.slice(1).map(Number) ?? [];
  program.signal("SIGTERM");
  await program.line(/ stopping \(SIGTERM\): waiting for 1 running; send it again to kill/);
  // A Ctrl-C that arrives twice is one; a person who means it comes later.
  assertEquals(await program.insist("SIGTERM"), 0);
  assertEquals(pids.length, 2);
  for (const pid of pids) assert(!isRunning(pid), `process ${pid} is left`);
  assertEquals(await states(site), { ready: 1 });
});

test("signals without a meaning here, the real-time ones too, end nothing", async () => {
  // A shell cannot trap what it was started to ignore.
  await using site = await makeSite("spooler-task = trap 'echo ran' 35; kill -s 35 $$; true");
  await using program = await site.start();
  const names = ["PIPE", "16", "XCPU", "XFSZ", "TTIN", "TTOU", "WINCH", "URG", "CONT", "CHLD"];
  const numbers = Array.from({ length: 31 }, (_, i) => String(34 + i));
  for (const signal of [...names, ...numbers]) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `kill -s ${signal} ${program.pid}`],
    }).output();
    assert(success, `kill -s ${signal}`);
  }
  await pushTask(site, "a=1");
  await program.line(/\| ran$/);
  assertEquals(await program.stop(), 0);
});

test("a reload or a status that is asked for while it starts ends nothing", async () => {
  await using site = await makeSite("spooler-task = true");
  const begun = join(site.dir, "begun");
  const read =
    `env = GO=@(exec://touch ${begun}; while ! test -f ${site.dir}/go; do sleep 0.05; done)`;
  await rewriteSite(site, "spooler-task = true", read);
  const [file, args] = commandLine(["--ini", site.ini]);
  await using program = Program.launch(file, args);
  await until(() => Deno.stat(begun).then(() => true, () => false), "the ini to be read");
  for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const) program.signal(signal);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await program.line(/ ready$/);
  assertEquals(await program.stop(), 0);
});
