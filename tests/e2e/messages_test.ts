/**
 * What the commands say when something is wrong: one line for one cause, with the place, the value and
 * what to do. Each row is a command line, its exit code, and all that it prints.
 */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { commandLine, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_0";

interface Row {
  readonly args: readonly string[];
  readonly code: number;
  readonly stderr: string;
}

/** SITE is the ini's path, DIR its directory. */
const ROWS: readonly Row[] = [
  // Mistyped commands and options.
  { args: ["psuh"], code: 2, stderr: 'there is no command "psuh"; did you mean push?' },
  { args: ["frobnicate"], code: 2, stderr: 'there is no command "frobnicate"; spooler help lists' },
  { args: ["list", "SITE"], code: 2, stderr: 'list takes no argument "SITE"; did you mean --ini' },
  {
    args: ["list", "--follow"],
    code: 2,
    stderr: "list has no option --follow; it is an option of log; list has --ini",
  },
  { args: ["list", "--jsn"], code: 2, stderr: "list has no option --jsn; did you mean --json?" },
  { args: ["--chekc"], code: 2, stderr: "run has no option --chekc; did you mean --check?" },
  {
    args: ["--spoler", "x"],
    code: 2,
    stderr: "run has no option --spoler; did you mean --spooler?",
  },
  {
    args: ["check", "--follow"],
    code: 2,
    stderr: "check has no option --follow; it is an option of log",
  },
  {
    args: ["check", "--folow", "SITE"],
    code: 2,
    stderr: "--folow; did you mean spooler log --follow?",
  },
  {
    args: ["check", "--jsn", "SITE"],
    code: 2,
    stderr: "check has no option --jsn; did you mean --json?",
  },
  {
    args: ["run-once", "--histry", "SITE"],
    code: 2,
    stderr: "did you mean spooler jobs --history?",
  },
  { args: ["help", "psuh"], code: 2, stderr: 'is called "psuh"; did you mean push?' },
  // Options without a value, or with one that cannot be: once.
  { args: ["--ini"], code: 2, stderr: "command line: --ini needs a value" },
  { args: ["--spooler"], code: 2, stderr: "command line: --spooler needs a value" },
  { args: ["-s"], code: 2, stderr: "command line: -s needs a value" },
  { args: ["push", "--dir"], code: 2, stderr: "push: --dir needs a value" },
  {
    args: ["push", "--priority", "-1", "--ini", "SITE", "a=b"],
    code: 2,
    stderr: 'push: --priority must be digits: "-1"',
  },
  // What is wrong with an option comes before what is missing besides.
  { args: ["push", "--priority", "-1"], code: 2, stderr: 'push: --priority must be digits: "-1"' },
  {
    args: ["push", "--at", "a=b"],
    code: 2,
    stderr: "--at needs a time that exists: 5m, 18:00,",
  },
  { args: ["push", "--ini", "SITE"], code: 2, stderr: "push needs KEY=VALUE, as in" },
  { args: ["push", "--ini", "SITE", "a"], code: 2, stderr: 'push needs KEY=VALUE: "a"' },
  { args: ["list"], code: 2, stderr: "list needs one of --ini and --dir" },
  {
    args: ["list", "--dir", "DIR", "--state", ""],
    code: 2,
    stderr: "--state needs some of ready,",
  },
  { args: ["list", "--dir", "DIR", "--state", "done,"], code: 2, stderr: 'failed,done: ""' },
  { args: ["list", "--dir", "DIR/none"], code: 2, stderr: '--dir is not a directory: "DIR/none"' },
  // Names of tasks and jobs.
  { args: ["show"], code: 2, stderr: "show needs the NAME of a task" },
  { args: ["show", "nope", "--ini", "SITE"], code: 1, stderr: "nope: no such task" },
  { args: ["show", "--ini", "SITE", "a/b/c"], code: 2, stderr: "a task is NAME, PRIORITY/NAME or" },
  { args: ["next", "--ini", "SITE"], code: 0, stderr: "SITE has no schedules" },
  { args: ["jobs", "--ini", "SITE"], code: 0, stderr: "SITE has no schedules" },
  { args: ["run-job", "--ini", "SITE", "x"], code: 2, stderr: 'no job "x"; it has no jobs' },
  // Files.
  {
    args: ["--ini", "DIR/none.ini"],
    code: 2,
    stderr: "DIR/none.ini: cannot be read: no such file",
  },
  { args: ["DIR/none.ini"], code: 2, stderr: "DIR/none.ini: cannot be read: no such file" },
  { args: ["check"], code: 2, stderr: "check needs an ini: spooler check site.ini" },
  {
    args: ["import-crontab", "DIR/none"],
    code: 2,
    stderr: "cannot read DIR/none: no such file or directory",
  },
  {
    args: ["push", "--ini", "SITE", "--body-file", "DIR/none", "a=b"],
    code: 2,
    stderr: "--body-file cannot be read: open DIR/none: no such file or directory",
  },
];

// Dozens of starts: the executable is ready in a tenth of the time.
testWith(
  "executable",
  `${programLabel}: each mistake on the command line has one line that helps`,
  async () => {
    await using site = await makeSite("spooler-task = true");
    const fill = (text: string) => text.replaceAll("SITE", site.ini).replaceAll("DIR", site.dir);
    for (const { args, code, stderr } of ROWS) {
      const result = await spooler(args.map(fill));
      const said = result.stderr.trimEnd();
      const what = `spooler ${args.join(" ")}\n${said}`;
      assertEquals(result.code, code, what);
      assertEquals(result.stdout, "", what);
      assert(said.startsWith("spooler: "), what);
      assert(said.includes(fill(stderr)), `${what}\n  not: ${fill(stderr)}`);
      assertEquals(said.split("\n").length, 1, what);
      assert(!/os error|errno/.test(said), what);
    }
  },
);

testWith("executable", `${programLabel}: two errors for one cause are one`, async () => {
  await using site = await makeSite();
  for (
    const [lines, wanted] of [
      [["spooler-frequency = x"], 1],
      [["spooler-processes = x", "spooler-processes = x"], 2],
      [["socket = 127.0.0.1:99999"], 1],
      [["uid = nosuchuser"], 1],
      [["gid = nosuchgroup"], 1],
      [["chdir = /nowhere"], 1],
      [["cron = 61 * * * * x"], 1],
      [["cron2 = minute=61 x"], 1],
      [["timer2 = x"], 1],
      [["logto = /nowhere/x.log"], 1],
      [["pidfile = /nowhere/x.pid"], 1],
      [["daemonize = /nowhere/x.log"], 1],
      [["logger = file:/nowhere/x.log"], 1],
      [["socket = 127.0.0.1:39999", "socket = 127.0.0.1:39999"], 1],
      [["cron2 = name=a,minute=5 x", "cron2 = name=a,minute=6 y"], 1],
      [["spooler-task = user=nosuchuser x"], 1],
      [["cron2 = user=nosuchuser,minute=5 x"], 1],
      [["socket = /nowhere/x.sock"], 1],
      [["spooler = /dev/null/x"], 1],
      [["log-maxsize = x"], 1],
      [["for = a b", "env = X=%(_)"], 1],
      [["if-env = X"], 1],
      [["spooler-forward = nowhere:99999"], 1],
      [["ini = none.ini"], 1],
      [["spooler-secret = "], 1],
      [["env = TZ=Nowhere/Nix"], 1],
    ] as const
  ) {
    const ini = ["[uwsgi]", "spooler = spool", "spooler-task = true", ...lines, ""].join("\n");
    await Deno.writeTextFile(site.ini, ini);
    const checked = await spooler(["check", site.ini]);
    const problems = checked.stderr.split("\n").filter((line) => /^\S+(:\d+)?: /.test(line));
    assertEquals(problems.length, wanted, `${lines}\n${checked.stderr}`);
    assertEquals(checked.code, 2);
    // The start says the same.
    const started = await spooler(["--ini", site.ini]);
    assertEquals(started.code, 2, started.stderr);
    assertEquals(
      started.stderr.trimEnd().split("\n").map((line) => line.replace(/^spooler: /, "")),
      problems,
    );
  }
});

testWith(
  "libc",
  `${programLabel}: show, wait, retry and remove take the path that is printed`,
  async () => {
    await using site = await makeSite();
    const path = await writeTask(site.spool, NAME, { ud_spool_func: "x" });
    const { stdout } = await spooler(["show", path]);
    assertMatch(stdout, new RegExp(`^file\\s+${path}$`, "m"));
    const cwd = Deno.cwd();
    const relative = `${"../".repeat(cwd.split("/").length - 1)}${path.slice(1)}`;
    assertEquals((await spooler(["show", relative])).stdout, stdout);
    assertMatch((await spooler(["retry", path])).stdout, /is ready already/);
    assertMatch((await spooler(["remove", relative])).stdout, /removed, was ready/);
    const waited = await spooler(["wait", path]);
    assertEquals(waited.code, 1);
    assertMatch(waited.stderr, /: no such task: not in the spool$/m);
  },
);

/** As an account that has no rights here. */
async function asNobody(args: readonly string[]): Promise<{ code: number; said: string }> {
  const [file, argv] = commandLine(args);
  const { code, stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--reuid=65534", "--regid=65534", "--clear-groups", file, ...argv],
    env: { NO_COLOR: "1", HOME: "/", DENO_DIR: Deno.env.get("DENO_DIR") ?? "/root/.cache/deno" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, said: (text(stdout) + text(stderr)).trimEnd() };
}

for (const mode of [0o755, 0o700]) {
  testWith(
    ["executable", "root"],
    `${programLabel}: another user may not: whose directory it is, who we are, what to do (${
      mode.toString(8)
    })`,
    async () => {
      await using site = await makeSite("spooler-task = true");
      await Deno.chmod(site.dir, 0o755);
      const path = await writeTask(site.spool, NAME, { ud_spool_func: "x" });
      await Deno.chmod(path, 0o600);
      assertEquals((await spooler(["push", "--ini", site.ini, "a=b"])).code, 0);
      await Deno.chmod(site.spool, mode);
      const ini = ["--ini", site.ini];
      const commands = [
        ["push", ...ini, "a=b"],
        ["push", "--dir", site.spool, "a=b"],
        ["pause", ...ini],
        ["list", ...ini],
        ["retry", ...ini, NAME],
        ["remove", ...ini, NAME],
        ...mode === 0o700
          ? [["resume", ...ini], ["show", ...ini, NAME], ["wait", ...ini, NAME]]
          : [],
      ];
      for (const args of commands) {
        const { code, said } = await asNobody(args);
        const what = `${args.join(" ")}\n${said}`;
        assertEquals(code, 1, what);
        assertEquals(said.split("\n").length, 1, what);
        assertMatch(
          said,
          new RegExp(
            `user nobody may not (write to|change) ${site.spool}\\S* \\(it (belongs to root, mode ` +
              `[67]\\d\\d|cannot be seen)\\); run it as its owner: sudo -u root spooler ${
                args[0]
              } …$`,
          ),
          what,
        );
      }
      for (const args of [["check", site.ini], ["--ini", site.ini]]) {
        const { code, said } = await asNobody(args);
        assertEquals(code, 2, said);
        assertMatch(
          said,
          /site\.ini:2: spooler: user nobody may not write to \S+ \(it belongs to root/,
        );
      }
    },
  );
}

testWith(
  "libc",
  `${programLabel}: an address in use names who, in the check and at the start`,
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    await using site = await makeSite("spooler-task = true", `socket = 127.0.0.1:${port}`);
    for (const args of [["check", site.ini], ["--ini", site.ini]]) {
      const { code, stderr } = await spooler(args);
      assertEquals(code, 2, stderr);
      assertMatch(
        stderr,
        new RegExp(
          `site\\.ini:4: socket 127\\.0\\.0\\.1:${port}: in use by deno \\(pid ${Deno.pid}\\)`,
        ),
      );
      assert(!/os error/.test(stderr), stderr);
    }
  },
);

Deno.test(`${programLabel}: without a spool nothing is said of handlers, and a spool called spool is named once`, async () => {
  await using site = await makeSite();
  await Deno.writeTextFile(site.ini, "[uwsgi]\ncron = 0 3 * * * true\n");
  const jobsOnly = await spooler(["check", site.ini]);
  assertEquals(jobsOnly.code, 0);
  assert(!/handler/.test(jobsOnly.stdout + jobsOnly.stderr), jobsOnly.stdout);
  await Deno.writeTextFile(site.ini, "[uwsgi]\nspooler = spool\nspooler-task = true\n");
  await using program = await site.start();
  await program.stop();
  assert(!/spool spool/.test(program.log), program.log);
});

testWith(
  "root",
  `${programLabel}: a log is opened before the program becomes the user of uid`,
  async () => {
    await using site = await makeSite("cron = 0 3 * * * true", "uid = nobody", "logto = %dx.log");
    await Deno.writeTextFile(
      site.ini,
      (await Deno.readTextFile(site.ini)).replace(/^spooler.*\n/m, ""),
    );
    await Deno.chmod(site.dir, 0o755);
    const { code, stderr } = await spooler(["check", site.ini]);
    assertEquals(code, 0, stderr);
  },
);

Deno.test(`${programLabel}: placeholders of other languages are plain text, and the error says so`, async () => {
  await using site = await makeSite("socket = ${project_home}/x.sock");
  const { stderr } = await spooler(["check", site.ini]);
  assertMatch(stderr, /a placeholder is %\(name\) or \$\(NAME\), not \$\{project_home\}/);
});

Deno.test(`${programLabel}: a TZ that is no zone is said once`, async () => {
  await using site = await makeSite("spooler-task = true");
  await Deno.mkdir(site.spool);
  const env = { TZ: "Nowhere/X" };
  const whole = await spooler(["list", "--ini", site.ini], "", env);
  assertEquals(whole.code, 2);
  assertEquals(
    whole.stderr,
    'spooler: environment: TZ names no time zone that is known here: "Nowhere/X"\n',
  );
  const listed = await spooler(["list", "--dir", site.spool], "", env);
  assertEquals(listed.code, 0);
  assertEquals(listed.stderr.match(/Nowhere/g)?.length, 1, listed.stderr);
  assertMatch(listed.stderr, /times are in UTC$/m);
});
