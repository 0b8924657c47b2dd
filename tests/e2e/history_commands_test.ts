/** The commands that read what ran: list, show, log and wait. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import {
  commandLine,
  executable,
  type Program,
  programLabel,
  spooler,
} from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const NAMES = [
  "web1_29218_1_1634773872_1795434775_554000",
  "web2_29218_1_1634773872_1795434775_554001",
];
const [GOOD = "", BAD = ""] = NAMES;

const jsonLines = (text: string) =>
  text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));

const test = (name: string, body: () => Promise<void>) =>
  testWith("libc", `${programLabel}: ${name}`, body);

const put = (site: Site, name: string, func: string) =>
  writeTask(site.spool, TASK_PREFIX + name, { ud_spool_func: func });

/** Ends a program; what it ran is in the history then. */
async function ended(program: Program): Promise<void> {
  assertEquals(await program.stop(), 0);
}

const OUTPUT = ["spooler-output = all", "spooler-max-retries = 1", "spooler-retry-delay = 1"];
const GOOD_TASK = "spooler-task = name=good echo fine; echo a=secretish >&2";
const BAD_TASK = "spooler-task = name=bad echo attempt $SPOOLER_ATTEMPT; exit 3";

test("what is done is listed, shown, printed and waited for; what never was is not", async () => {
  await using site = await makeSite(...OUTPUT, GOOD_TASK, BAD_TASK);
  await using program = await site.start();
  await put(site, GOOD, "good");
  await put(site, BAD, "bad");
  await program.line(/ good \S+ done /);
  await program.line(/ bad \S+ given up/);
  await ended(program);
  const run = (...args: string[]) => spooler([...args, "--dir", site.spool]);

  const list = await run("list", "--state", "done");
  assertMatch(list.stdout, new RegExp(`^STATE.*\\ndone +\\d{4}-.* 1 +good +${GOOD}\\n$`));
  assertMatch(list.stderr, /1 task done, as far as the history has them/);
  const [json, ...more] = jsonLines((await run("list", "--state", "done", "--json")).stdout);
  const { name, state, function: func, attempt, fate, output } = json;
  assertEquals([name, state, func, attempt, fate, output, more], [
    ...[TASK_PREFIX + GOOD, "done", "good", 1, "done"],
    { lines: 2, bytes: 17, isKept: true },
    [],
  ]);
  const both = jsonLines((await run("list", "--state", "failed,done", "--json")).stdout);
  assertEquals(both.map((each) => each.state), ["failed", "done"]);

  const past = await run("show", GOOD);
  assertEquals(past.code, 0);
  assertMatch(past.stdout, /^state +done at \d{4}-/m);
  assertMatch(past.stdout, /^runs +1\n {2}1 {2}\d.* done \(took .*, 2 lines of output\)$/m);
  const failed = await run("show", BAD);
  assertMatch(failed.stdout, /^ {2}1 {2}\d.* deferred until .*: exit code 3 \(/m);
  assertMatch(failed.stdout, /^ {2}2 {2}\d.* given up: exit code 3 \(/m);
  const [shown] = jsonLines((await run("show", BAD, "--json")).stdout);
  assertEquals(
    shown.runs.map(({ attempt, fate }: { attempt: number; fate: string }) => [attempt, fate]),
    [[1, "deferred"], [2, "failed"]],
  );
  const body = await run("show", GOOD, "--body");
  assertEquals(body.code, 1);
  assertMatch(body.stderr, new RegExp(`^spooler: ${GOOD}: its body is gone: done at \\d{4}-`));

  const log = await run("log", GOOD);
  assertEquals(log.code, 0);
  assertMatch(log.stdout, /^\d{4}-\S+ [\d:.]+\| fine$/m);
  assertMatch(log.stdout, /^\d{4}-\S+ [\d:.]+! a=secretish$/m);
  assertMatch(log.stderr, /: attempt 1, \d.*: done \(took /);
  const raw = await run("log", "--raw", GOOD);
  assertEquals([raw.stdout, raw.stderr.split("\n")[0]], ["fine\n", "a=secretish"]);
  assertMatch((await run("log", BAD)).stdout, /\| attempt 2\n$/);
  assertMatch((await run("log", BAD, "--attempt", "1")).stdout, /\| attempt 1\n$/);
  const none = await run("log", BAD, "--attempt", "7");
  assertEquals(none.code, 1);
  assertMatch(none.stderr, /the history has no attempt 7; it has: 1, 2$/m);
  assertEquals(
    jsonLines((await run("log", "--json", GOOD)).stdout).map(({ stream, text }) => [stream, text]),
    [["stdout", "fine"], ["stderr", "a=secretish"]],
  );

  const done = await run("wait", GOOD);
  assertEquals([done.code, done.stdout], [0, `${GOOD}: done\n`]);
  const several = await run("wait", GOOD, BAD, "typo");
  assertEquals([several.code, several.stdout], [1, `${GOOD}: done\n`]);
  assertMatch(several.stderr, new RegExp(`^spooler: ${BAD}: failed: exit code 3$`, "m"));
  assertMatch(
    several.stderr,
    /^spooler: typo: no such task: neither in the spool nor in its history$/m,
  );
  const asJson = jsonLines((await run("wait", "typo", GOOD, "--json")).stdout);
  assertEquals(asJson.map(({ name, result }) => [name, result]), [["typo", "unknown"], [
    GOOD,
    "done",
  ]]);
});

test("a name may be short, and what is done keeps its own", async () => {
  await using site = await makeSite("spooler-task = name=good echo fine");
  await put(site, GOOD, "x");
  await put(site, BAD, "x");
  await put(site, "job-10", "x");
  const run = (...args: string[]) => spooler([...args, "--dir", site.spool]);
  for (const word of ["web1", "554000", GOOD.slice(0, -1)]) {
    assertMatch((await run("show", word)).stdout, new RegExp(`^task +${GOOD}$`, "m"));
  }
  const many = await run("show", "web");
  assertEquals(many.code, 1);
  assertMatch(many.stderr, /web: several tasks have this name: .*web1_.*, .*web2_/);
  assertEquals((await run("remove", "job-1")).code, 1);
  assertMatch((await run("remove", "554001")).stdout, /removed, was ready/);
  // A task of that very name has run: the word means it, and no other.
  await using program = await site.start();
  await put(site, "job", "good");
  await program.line(/ good \S+ done /);
  await ended(program);
  const gone = await run("remove", "job");
  assertEquals(gone.code, 1);
  assertMatch(gone.stderr, /job: no such task/);
  assertMatch((await run("wait", "job")).stdout, /^job: done$/m);
  assertMatch((await run("show", "job-")).stdout, /^task +job-10$/m);
});

test("a running task is followed to its end", async () => {
  await using site = await makeSite(
    ...["spooler-output = failed"],
    "spooler-task = name=slow echo begun; while ! test -e go; do sleep 0.1; done; echo over >&2",
  );
  await using program = await site.start();
  await put(site, GOOD, "slow");
  const [file, args] = commandLine(["log", "-f", "web1", "--dir", site.spool]);
  const child = new Deno.Command(file, { args, stdout: "piped", stderr: "piped" }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("begun")) {
    const { done, value = "" } = await reader.read();
    assert(!done, text);
    text += value;
  }
  const now = await spooler(["log", "web1", "--dir", site.spool]);
  assertMatch(now.stdout, /\| begun\n$/);
  assertMatch(now.stderr, /still runs; log -f follows it/);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  // It was not kept for it has not failed, and is there as long as it runs.
  const stderr = await new Response(child.stderr).text();
  while (true) {
    const { done, value = "" } = await reader.read();
    if (done) break;
    text += value;
  }
  assertEquals((await child.status).code, 0);
  assertMatch(stderr, /: done \(took /);
  const kept = await spooler(["log", "web1", "--dir", site.spool]);
  assertEquals(kept.code, 1);
  assertMatch(kept.stderr, /the output of this run was not kept/);
  await ended(program);
});

test("what a job wrote is printed by its name", async () => {
  await using site = await makeSite(
    ...["spooler-output = all", "cron-state = jobs.state"],
    "timer2 = every=1s,name=tick echo tick; exit 4",
  );
  await using program = await site.start();
  await program.line(/ job tick failed: exit code 4 /);
  await ended(program);
  const log = await spooler(["log", "tick", "--ini", site.ini]);
  assertEquals(log.code, 0);
  assertMatch(log.stdout, /\| tick\n$/);
  assertMatch(
    log.stderr,
    /^spooler: tick: attempt 1, .*: exit code 4 \(took .*, 1 line of output\)$/m,
  );
  const jobs = await spooler(["jobs", "--ini", site.ini]);
  assertMatch(jobs.stdout, /^JOB +SCHEDULE +ZONE .* LAST RUNS +NEXT +COMMAND$/m);
  assertMatch(jobs.stdout, /^tick +every 1s +\S+ .* (?:\d × )?exit code 4 +.* echo tick; exit 4$/m);
  const history = await spooler(["jobs", "--ini", site.ini, "--history"]);
  assertMatch(history.stdout, /^tick +\d{4}-.* 1 +exit code 4 +1 line of output$/m);
  const [run] = jsonLines(
    (await spooler(["jobs", "--history", "--json", "--ini", site.ini])).stdout,
  );
  assertEquals([run.job, run.ok, run.result, run.attempt], ["tick", false, "exit code 4", 1]);
  const followed = await spooler(["log", "-f", "tick", "--ini", site.ini]);
  assertMatch(followed.stdout, /\| tick\n$/);
});

test("log says what it cannot do", async () => {
  await using site = await makeSite("spooler-task = true");
  const cases: [string[], number, RegExp][] = [
    [["log", "--dir", site.spool], 2, /log needs the NAME of one task or job/],
    [["log", "x", "--attempt", "0", "--ini", site.ini], 2, /--attempt needs a number from 1: "0"/],
    [["log", "x", "-f", "--attempt", "1", "--ini", site.ini], 2, /-f or --attempt, not both/],
    [["log", "x", "--raw", "--json", "--ini", site.ini], 2, /--json or --raw, not both/],
    [["log", "x", "--ini", site.ini], 1, /x: no such task/],
  ];
  await put(site, GOOD, "x");
  for (const [args, code, text] of cases) {
    const said = await spooler(args);
    assertEquals(said.code, code, args.join(" "));
    assertMatch(said.stderr, text);
  }
  const waiting = await spooler(["log", GOOD, "--ini", site.ini]);
  assertEquals(waiting.code, 1);
  assertMatch(waiting.stderr, /the history has no run of it/);
});

// The cache of Deno is root's alone.
if (executable) {
  testWith(
    ["libc", "root"],
    "who may not read a history is not told that it is empty",
    async () => {
      await using site = await makeSite(
        GOOD_TASK,
        "timer2 = every=1h,at-start=1,name=tick echo tick",
      );
      await Deno.chmod(site.dir, 0o755);
      await using program = await site.start();
      await put(site, GOOD, "good");
      await program.line(/ good \S+ done /);
      await program.line(/ job tick done /);
      await ended(program);
      const lines = [
        ["list", "--state", "done", "--dir", site.spool],
        ["jobs", "--history", "--ini", site.ini],
        ["log", "tick", "--ini", site.ini],
      ];
      for (const args of lines) {
        const [file, words] = commandLine(args);
        const { code, stdout, stderr } = await new Deno.Command(file, {
          ...{ args: words, uid: 65534, gid: 65534, cwd: "/", stdin: "null" },
        }).output();
        const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
        assertEquals(code, 1, text);
        assertMatch(
          text,
          /^spooler: (?:user nobody may not |read \S+: permission denied\n$)/,
          text,
        );
      }
    },
  );
}
