/** Schedules in the running program, with the machine's own clock. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { isRunning, makeGate } from "../support/processes.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, body);

const MINUTE_MS = 60_000;
/** The next minute may be a whole one away. */
const NEXT_MINUTE_MS = 90_000;
/** What is to happen within one minute needs less. */
const ROOM_MS = 15_000;

/** What `pattern` found in each line of a log. */
function found(program: Program, pattern: RegExp): string[] {
  return program.log.split("\n").flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

/** The objects that a command with --json prints, one a line. */
async function jsonOf(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await spooler([...args, "--json"]);
  assertEquals(code, 0, stderr);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

test("a cron job runs once in each minute, over a kill and a restart, too", async () => {
  await using site = await makeSite(
    `cron2 = minute=*,name=each echo "for $SPOOLER_SLOT at $(date +%%s)"`,
  );
  const RUN = /each\| for (\S+ at \d+)$/;
  const slots: number[] = [];
  const collect = (program: Program) => {
    for (const run of found(program, RUN)) {
      const [slot = "", at] = run.split(" at ");
      const slotAt = Date.parse(slot);
      assertEquals(slotAt % MINUTE_MS, 0);
      assert(Number(at) * 1000 >= slotAt, `${run}: too early`);
      slots.push(slotAt);
    }
  };
  // A kill at the turn of a minute may come between a job and its first word.
  const leftMs = MINUTE_MS - Date.now() % MINUTE_MS;
  if (leftMs < ROOM_MS) await new Promise((resolve) => setTimeout(resolve, leftMs));
  {
    await using killed = await site.start();
    await killed.line(RUN);
    await killed.kill();
    collect(killed);
  }
  {
    await using stopped = await site.start();
    assertEquals(await stopped.stop(), 0);
    collect(stopped);
  }
  await using program = await site.start();
  await program.line(RUN, 1, NEXT_MINUTE_MS);
  collect(program);
  const [first = 0] = slots;
  // Whenever the minutes ended: none was left out, none ran twice.
  assertEquals(slots, slots.map((_, index) => first + index * MINUTE_MS));
  assert(slots.length >= 2);
});

test("timers run below a second, each slot once, and at start", async () => {
  await using site = await makeSite(
    `timer2 = every=200ms,name=fast echo "tick $SPOOLER_SLOT"`,
    `timer2 = every=1h,at-start=1,name=first echo "$SPOOLER_JOB, attempt $SPOOLER_ATTEMPT"`,
    "timer2 = every=10ms,iterations=3,overlap=allow,name=three echo one of three",
  );
  await using program = await site.start();
  await program.line(/first\| first, attempt 1$/);
  await program.line(/fast\| tick /, 10);
  await program.line(/three\| one of three/, 3);
  const slots = found(program, /fast\| tick (\S+)$/);
  assertEquals(slots, [...new Set(slots)].sort());
  assertEquals(await program.stop(), 0);
  assertEquals(found(program, /(three\| one)/).length, 3);
  assertEquals(found(program, /(first\| )/).length, 1);
});

test("@reboot runs once for each start of the machine, not of the program", async () => {
  await using site = await makeSite(
    "cron = @reboot echo booted",
    "timer2 = every=50ms,name=beat echo beat",
  );
  {
    await using program = await site.start();
    await program.line(/echo\| booted/);
    assertEquals(await program.stop(), 0);
  }
  await using program = await site.start();
  await program.line(/beat\| beat/, 3);
  assertEquals(await program.stop(), 0);
  assertEquals(found(program, /(\| booted)/), []);
});

test("a schedule puts a task, which then runs with the slot it is for", async () => {
  await using site = await makeSite(
    `spooler-task = name=cleanup echo "keep $SPOOL_KEEP of $SPOOL_WHAT for $SPOOL_SPOOLER_SLOT"`,
    'cron2 = minute=*,spool=cleanup,name=nightly keep=7 what="old mails"',
    "timer2 = every=1h,at-start=1,spool=cleanup,name=often keep=1 what=files",
    "spooler-task = name=broken exit 78",
    "timer2 = every=1h,at-start=1,spool=broken,name=bad keep=2",
  );
  await using program = await site.start();
  await program.line(/job nightly put \S+ into the spool/);
  await program.line(/job often put \S+ into the spool/);
  const line = await program.line(/cleanup\| keep 7 of old mails for /);
  const slot = / for (\S+)$/.exec(line)?.[1] ?? "";
  assertEquals(Date.parse(slot) % MINUTE_MS, 0);
  await program.line(/cleanup\| keep 1 of files for /);
  await program.line(/cleanup \S+ done/, 2);
  // What cannot be done ends where every such task of the spool does.
  await program.line(/broken \S+ given up, kept in failed\/: exit code 78/);
  const [dead] = await jsonOf("list", "--dir", site.spool, "--state", "failed");
  assertEquals([dead?.function, dead?.lastError], ["broken", "exit code 78"]);
});

test("a job that runs is shown as running, and later how it went", async () => {
  await using site = await makeSite(
    "timer2 = every=1h,at-start=1,name=slow echo begun; read -r go < gate; exit 3",
    "timer2 = every=1h,name=later true",
  );
  const gate = await makeGate(join(site.dir, "gate"));
  await using program = await site.start();
  await program.line(/slow\| begun/);
  const state = `${site.spool}.site.cron-state`;
  await until(() => /"pid":\d/.test(read(state)), "the run is not in the state file");
  const [slow, later] = await jsonOf("jobs", "--ini", site.ini);
  assertEquals([slow?.job, slow?.running, slow?.endedAt], ["slow", true, null]);
  assert(isRunning(Number(slow?.pid)));
  assertEquals([later?.job, later?.running, later?.lastSlot], ["later", false, null]);
  const { stdout } = await spooler(["jobs", "--ini", site.ini]);
  assertMatch(stdout, new RegExp(`^slow .* running, pid ${slow?.pid} `, "m"));
  assertMatch(stdout, /^later .* not run yet /m);

  await gate.open();
  await program.line(/job slow failed: exit code 3 \(/);
  assertEquals(await program.stop(), 0);
  const [ended] = await jsonOf("jobs", "--ini", site.ini, "--job", "slow");
  assertEquals(
    [ended?.running, ended?.pid, ended?.ok, ended?.result],
    [false, null, false, "exit code 3"],
  );
  assert(Number(ended?.tookMs) > 0);
});

test("a job that has just ended is shown with its end, which its file has a second later", async () => {
  await using site = await makeSite("timer2 = every=1h,at-start=1,name=quick exit 3");
  await using program = await site.start();
  await program.line(/job quick failed: exit code 3 \(/);
  const [ended] = await jsonOf("jobs", "--ini", site.ini);
  assertEquals([ended?.running, ended?.ok, ended?.result], [false, false, "exit code 3"]);
});

test("the jobs of an ini without a spool are shown, too", async () => {
  await using temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, "[uwsgi]\ncron2 = month=1,name=yearly true\n");
  const [job, ...others] = await jsonOf("jobs", "--ini", ini);
  assertEquals([job?.job, job?.running, others], ["yearly", false, []]);
});

test("a job whose program was killed is shown as running for as long as it does", async () => {
  await using site = await makeSite(
    "timer2 = every=1h,at-start=1,name=slow echo begun; read -r go < gate",
  );
  const gate = await makeGate(join(site.dir, "gate"));
  {
    await using program = await site.start();
    await program.line(/slow\| begun/);
    await until(() => /"pid":\d/.test(read(`${site.spool}.site.cron-state`)), "no pid is kept");
    await program.kill();
  }
  const [alone] = await jsonOf("jobs", "--ini", site.ini);
  assertEquals([alone?.running, alone?.ok], [true, null]);
  await gate.open();
  await until(() => !isRunning(Number(alone?.pid)), "the job does not end");
  const [gone] = await jsonOf("jobs", "--ini", site.ini);
  assertEquals([gone?.running, gone?.endedAt, gone?.ok], [false, null, null]);
  const { stdout } = await spooler(["jobs", "--ini", site.ini]);
  assertMatch(stdout, /^slow .* end unknown /m);
});

function read(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

test("a stop waits for the job that runs, and starts none that waits", async () => {
  await using site = await makeSite(
    "timer2 = every=100ms,overlap=queue,name=slow echo begun; read -r go < gate; echo finished",
  );
  const gate = await makeGate(join(site.dir, "gate"));
  await using program = await site.start();
  await program.line(/slow\| begun/);
  program.signal("SIGTERM");
  await program.line(/ stopping \(SIGTERM\): waiting for 1 running/);
  await gate.open();
  assertEquals(await program.ended(), 0);
  assertStringIncludes(program.log, "slow| finished");
  assertMatch(program.log, /job slow done .*\n.* stopped$/);
  assertEquals(found(program, /(slow\| begun)/).length, 1);
});

test("a second stop ends the job that runs, and all it has started", async () => {
  await using site = await makeSite(`timer2 = every=1h,at-start=1,name=slow ${FAMILY}`);
  await using program = await site.start();
  const pids = await familyOf(program);
  assert(pids.every(isRunning));
  assertEquals(await breakOff(program), 0);
  assertMatch(program.log, /job slow failed: ended with the program/);
  await until(() => !pids.some(isRunning), "a process of the job is left over");
});

/** Stops the program, and what it runs with it; returns the exit code. */
function breakOff(program: Program): Promise<number> {
  // Two signals within half a second are one wish.
  return program.insist("SIGTERM");
}

/** A shell, its child and its grandchild, of which the latter two do not mind SIGTERM. */
const FAMILY = "(trap '' TERM; (echo grandchild $(exec sh -c 'echo $PPID'); sleep 600); :) & " +
  "echo child $!; echo shell $$; wait";

async function familyOf(program: Program): Promise<number[]> {
  for (const who of ["shell", "child", "grandchild"]) {
    await program.line(new RegExp(`slow\\| ${who} \\d+$`));
  }
  const pids = found(program, /slow\| \w+ (\d+)$/).map(Number);
  assertEquals(pids.length, 3);
  return pids;
}

test("harakiri ends the whole process group of a job, and the next slot comes", async () => {
  await using site = await makeSite(
    // Long enough for all three to be there, however busy the machine is.
    `timer2 = every=1s,harakiri=5,name=slow,iterations=2 ` +
      `test -e second && echo again && exit; touch second; ${FAMILY}`,
    "timer2 = every=1s,name=beat echo beat",
  );
  await using program = await site.start();
  const pids = await familyOf(program);
  await program.line(/job slow failed: harakiri after 5 s/);
  await until(() => !pids.some(isRunning), "a process of the job is left over");
  await program.line(/beat\| beat/, found(program, /(beat\| beat)/).length + 1);
  assertEquals(await program.stop(), 0);
});

test("cron-harakiri holds for cron lines, and spares what has its own", async () => {
  await using site = await makeSite(
    "cron-harakiri = 1",
    `cron = * * * * * ${FAMILY.replaceAll("%", "%%")}`,
    "cron2 = minute=*,harakiri=0,name=long echo begun; read -r go < gate; echo finished",
  );
  const gate = await makeGate(join(site.dir, "gate"));
  await using program = await site.start();
  await program.line(/long\| begun/);
  await program.line(/failed: harakiri after 1 s/);
  await gate.open();
  await program.line(/long\| finished/);
  await breakOff(program);
});

test("replace ends the last run before the next one starts", async () => {
  await using site = await makeSite(
    "timer2 = every=300ms,overlap=replace,name=slow echo run $$; exec sleep 600",
  );
  await using program = await site.start();
  await program.line(/job slow failed: replaced by its next slot/, 2);
  const log = program.log.split("\n").flatMap((line) => /(job slow \w+)/.exec(line)?.[1] ?? []);
  assertEquals(log.slice(0, 4), [
    ...["job slow started", "job slow failed", "job slow started", "job slow failed"],
  ]);
  await breakOff(program);
});

test("a job that floods its output, one that fails and one that hangs hurt nobody", async () => {
  await using site = await makeSite(
    "timer2 = every=1h,at-start=1,harakiri=3,name=flood yes a line of a flood",
    "timer2 = every=100ms,name=failing exit 1",
    "timer2 = every=100ms,name=hanging echo hangs; exec sleep 600",
    "timer2 = every=100ms,name=beat echo beat",
  );
  await using program = await site.start();
  await program.line(/flood\| a line/);
  await program.line(/hanging\| hangs/);
  await program.line(/job hanging skipped: it is still running/);
  const before = found(program, /(beat\| beat)/).length;
  await program.line(/beat\| beat/, before + 5);
  await program.line(/job failing failed: exit code 1/, 5);
  await program.line(/job flood: \d+ more lines? of output (?:was|were) not logged/);
  await program.line(/job flood failed: harakiri after 3 s/);
  assertEquals(found(program, /(hanging skipped)/).length, 1);
  await breakOff(program);
});

test("a failing job is tried again, and then its on-failure runs", async () => {
  await using site = await makeSite(
    `timer2 = every=1h,at-start=1,name=job,on-failure="echo told: $SPOOLER_RESULT: $(cat)" ` +
      "echo why >&2; exit 3",
    "timer2 = every=1h,at-start=1,name=again,retries=3 exit 4",
  );
  await using program = await site.start();
  await program.line(/job again runs again in \S+ \S*, attempt 2/);
  await program.line(/job\| told: exit code 3: why$/);
  // It does not wait for the retry.
  assertEquals(await program.stop(), 0);
});

testWith("root", `${programLabel}: user= runs a job as another account`, async () => {
  await using site = await makeSite(
    'timer2 = every=1s,at-start=1,name=who,user=nobody echo "$(id -un) $USER of $HOME: $(id -G)"',
  );
  // Made for a test, a directory is for its owner alone.
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `:3: job who: user nobody may not enter ${site.dir}`);
  await Deno.chmod(site.dir, 0o755);
  await using program = await site.start();
  const line = await program.line(/who\| /);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'echo "nobody nobody of $(getent passwd nobody | cut -d: -f6): $(id -g nobody)"'],
  }).output();
  assertStringIncludes(line, `who| ${new TextDecoder().decode(stdout).trim()}`);
  await Deno.chmod(site.dir, 0o700);
  await program.line(
    new RegExp(`job who failed: could not be started: .*, in ${site.dir} for uid \\d+ `),
  );
});

test("run-job runs a job in the foreground, with its output and its exit code", async () => {
  await using site = await makeSite(
    `cron2 = month=1,name=good,tz=Asia/Kathmandu echo "job $SPOOLER_JOB"; echo told >&2`,
    "cron2 = month=1,name=bad exit 5",
    "cron2 = month=1,name=task,spool=cleanup keep=3",
    "timer = 7 60",
  );
  const good = await spooler(["run-job", "good", "--ini", site.ini]);
  assertEquals([good.code, good.stdout], [0, "job good\n"]);
  assertStringIncludes(good.stderr, "told\n");
  assertMatch(good.stderr, /job good done/);
  const bad = await spooler(["run-job", "bad", "--ini", site.ini]);
  assertEquals(bad.code, 1);
  assertMatch(bad.stderr, /job bad failed: exit code 5/);
  const task = await spooler(["run-job", "task", "--ini", site.ini]);
  assertEquals(task.code, 0);
  const [listed] = await jsonOf("list", "--dir", site.spool);
  assertEquals(listed?.function, "cleanup");
  for (const name of ["none", "signal-7"]) {
    const refused = await spooler(["run-job", name, "--ini", site.ini]);
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(refused.stderr, name);
  }
  // It counts as no slot.
  const jobs = await jsonOf("jobs", "--ini", site.ini);
  assertEquals(jobs.map(({ lastSlot }) => lastSlot), [null, null, null, null]);
});

test("next prints the coming times in the zone of each job, for people and machines", async () => {
  await using site = await makeSite(
    "cron2 = minute=15,hour=3,tz=Asia/Kathmandu,name=nightly true",
    "cron2 = minute=0,hour=12,tz=UTC,name=noon true",
    'cron2 = when="@reboot",name=boot true',
  );
  const before = Date.now();
  const nights = await jsonOf("next", "--ini", site.ini, "-n", "3", "--job", "nightly");
  const after = Date.now();
  assertEquals(nights.length, 3);
  const times = nights.map(({ at, zone, job }) => {
    assertEquals([zone, job], ["Asia/Kathmandu", "nightly"]);
    assertMatch(String(at), /^\d{4}-\d\d-\d\dT03:15:00\+05:45$/);
    return Date.parse(String(at));
  });
  const [first = 0] = times;
  assert(first > before && first <= after + 24 * 60 * MINUTE_MS, `${new Date(first)}`);
  // Kathmandu's clock has not been changed for forty years.
  assertEquals(times, [0, 1, 2].map((day) => first + day * 24 * 60 * MINUTE_MS));

  const both = await jsonOf("next", "--ini", site.ini);
  assertEquals(both.length, 10);
  const order = both.map(({ at }) => Date.parse(String(at)));
  assertEquals(order, [...order].sort((a, b) => a - b));
  const { code, stdout, stderr } = await spooler(["next", "--ini", site.ini, "-n", "4"]);
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n").length, 5);
  assertMatch(stdout, /^.* 03:15:00 .*Asia\/Kathmandu +nightly +true$/m);
  assertMatch(stdout, /^.* 12:00:00 .*UTC +noon +true$/m);
  assertStringIncludes(stderr, "boot runs at the next start of the machine");
});

test("a crontab that is imported runs as it did under cron", async () => {
  await using site = await makeSite();
  const crontab = new URL("../fixtures/schedule/user.crontab", import.meta.url).pathname;
  const imported = await spooler(["import-crontab", crontab]);
  assertEquals(imported.code, 1, imported.stderr);
  assertStringIncludes(imported.stderr, "1 line not converted");
  await Deno.writeTextFile(site.ini, imported.stdout);
  const check = await spooler(["check", site.ini]);
  assertEquals(check.code, 0, check.stderr + check.stdout);
  await using program = await site.start();
  await program.line(/\| 100% of \/usr\/local\/bin:\/usr\/bin:\/bin in Asia\/Tokyo$/);
  await program.line(/\| Dear root,$/);
  await program.line(/\| it is 50% done$/);
  await program.line(/\| by bash$/);
  // The lines cron would not have understood either are named, with their number.
  assertMatch(imported.stdout, /^; NOT CONVERTED, line 17: hour \(field 2, character 3\)/m);
  assertMatch(imported.stdout, /^cron-on-failure = mail -s .* ops@example.org$/m);
});

test("a system crontab is imported with its accounts", async () => {
  const crontab = new URL("../fixtures/schedule/system.crontab", import.meta.url).pathname;
  const { code, stdout } = await spooler(["import-crontab", "--system", crontab]);
  assertEquals(code, 0);
  const options = stdout.split("\n").filter((line) => line.startsWith("cron"));
  assertEquals(options.length, 4);
  assert(options.every((line) => line.includes(",user=root,chdir=~ ")), options.join("\n"));
  await using site = await makeSite(...options);
  const check = await spooler(["check", site.ini]);
  assertEquals(check.code, 0, check.stderr + check.stdout);
});

test("an ini of forwards only may have schedules, whose tasks go there", async () => {
  await using temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  const lines = [
    "spooler-forward = out 127.0.0.1:1",
    "cron2 = minute=*,name=put,spool=clean keep=7",
  ];
  await Deno.writeTextFile(ini, `[uwsgi]\n${lines.join("\n")}\n`);
  const check = await spooler(["check", ini]);
  assertEquals(check.code, 0, check.stderr);
  const { code, stderr } = await spooler(["run-job", "put", "--ini", ini]);
  assertEquals(code, 0, stderr);
  await using program = await Program.start(["--ini", ini]);
  await program.line(/job put put \S+ into the spool/);
  const names = [...Deno.readDirSync(join(temp.path, "out"))].map(({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("uwsgi_spoolfile_on_")).length, 2);
});
