/** `check` finds what a start would fail with, with the same words, and both name file and line. */

import { join } from "@std/path";
import { loadModules } from "../../src/app/module_check.ts";
import { loadConfig } from "../../src/config/load.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import "../support/platform.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

type Body = (dir: string, ini: string) => Promise<void>;
const inSite = (body: Body) => async () => {
  await using temp = await tempDir();
  await body(temp.path, join(temp.path, "site.ini"));
};
const test = (name: string, body: Body) => Deno.test(`${programLabel}: ${name}`, inSite(body));

async function writeIni(ini: string, ...lines: string[]): Promise<void> {
  await Deno.writeTextFile(ini, ["[uwsgi]", "spooler = sp", ...lines, ""].join("\n"));
}

/** What `check` prints, and what a start does; each of them names the problem alone. */
async function bothRefuse(ini: string, message: string): Promise<void> {
  const checked = await spooler(["check", ini]);
  assertEquals([checked.code, checked.stdout], [2, ""]);
  assertEquals(checked.stderr, `${message}\n\n1 problem.\n`);
  const started = await spooler(["--ini", ini]);
  assertEquals([started.code, started.stderr], [2, `spooler: ${message}\n`]);
}

test("a directory for tasks that does not exist", async (_, ini) => {
  await writeIni(ini, "spooler-task = true", "chdir = /nowhere", "cron = * * * * * ./x");
  await bothRefuse(ini, `${ini}:4: chdir names a directory that does not exist: "/nowhere"`);
  for (const line of ["spooler-chdir = /nowhere", "spooler2 = dir=b,chdir=/nowhere"]) {
    await writeIni(ini, "spooler-task = true", line);
    const { code, stderr } = await spooler(["check", ini]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `${ini}:4: ${line.split(" ")[0]} names a directory that does not`);
  }
  await writeIni(ini, "spooler-task = true", "chdir = site.ini");
  await bothRefuse(ini, `${ini}:4: chdir must name a directory, and this is a file: "site.ini"`);
});

test("a user that does not exist, of a socket and of a job", async (_, ini) => {
  await writeIni(ini, "spooler-task = true", "socket = x.sock", "chown-socket = nosuch:user");
  await bothRefuse(ini, `${ini}:5: chown-socket: this machine has no user "nosuch"`);
  await writeIni(ini, "socket = x.sock", "chown-socket = root:nosuch");
  await bothRefuse(ini, `${ini}:4: chown-socket: this machine has no group "nosuch"`);
  await writeIni(ini, 'cron2 = when="* * * * *",user=nosuch,name=ghost echo hi');
  const { code, stderr } = await spooler(["check", ini]);
  assertEquals(code, 2);
  assertMatch(stderr, /site\.ini:3: .*"nosuch"/);
});

testWith(
  "root",
  `${programLabel}: uid ends what root may do: user= of another account is refused`,
  inSite(async (dir, ini) => {
    await Deno.chmod(dir, 0o777);
    const job = 'cron2 = when="0 0 1 1 *",user=daemon,name=nightly echo hi';
    await writeIni(ini, "uid = nobody", job);
    const why = 'user= needs this program to run as root: "daemon"';
    await bothRefuse(ini, `${ini}:4: ${why}; uid= makes it another user for everything`);
    await writeIni(ini, "uid = nobody", job.replace("daemon", "nobody"), "cron = 0 0 1 1 * ./x");
    const { code, stdout, stderr } = await spooler(["check", ini]);
    assertEquals(code, 0, stderr);
    assertEquals(stdout.match(/, as nobody, in /g)?.length, 2);
  }),
);

test("an address that another program has, and one that is not this machine's", async (_, ini) => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr as Deno.NetAddr;
  await writeIni(ini, "spooler-task = true", `socket = 127.0.0.1:${port}`);
  const comm = (await Deno.readTextFile("/proc/self/comm")).trim();
  const use = `in use by ${comm} (pid ${Deno.pid})`;
  await bothRefuse(ini, `${ini}:4: socket 127.0.0.1:${port}: ${use}`);
  await writeIni(ini, "spooler-task = true", "socket = 203.0.113.7:3031", "spooler-allow = any");
  const address = "this machine does not have that address";
  await bothRefuse(ini, `${ini}:4: socket 203.0.113.7:3031: ${address}`);
});

test("a socket file that is in the way", async (dir, ini) => {
  await Deno.writeTextFile(join(dir, "x.sock"), "");
  await writeIni(ini, "spooler-task = true", "socket = x.sock");
  const why = "a file that is not a socket is in the way";
  await bothRefuse(ini, `${ini}:4: socket ${dir}/x.sock: ${why}`);
});

test(
  "a running spooler on the address is a warning for check, and ends a second start",
  async (dir, ini) => {
    await writeIni(ini, "spooler-task = true", "socket = x.sock", "socket = 127.0.0.1:0");
    await using program = await Program.start(["--ini", ini]);
    const { code, stdout } = await spooler(["check", ini]);
    assertEquals(code, 0);
    const warning = `site.ini:4: socket ${dir}/x.sock: in use by a running spooler (pid `;
    assertStringIncludes(stdout.replaceAll(/\s+/g, " "), warning);
    const second = await spooler(["--ini", ini]);
    assertEquals(second.code, 2);
    assertStringIncludes(second.stderr, "in use by a running spooler (pid ");
    // A reload finds its own sockets, and is checked like a start.
    program.signal("SIGHUP");
    await program.line(/ ready$/, 2);
    await writeIni(ini, "spooler-task = true", "socket = x.sock", "chdir = /nowhere");
    program.signal("SIGHUP");
    await program.line(/no reload: .*site\.ini:5: chdir names a directory that does not exist/);
  },
);

testWith(
  "root",
  "a directory that the user of a job may not enter",
  inSite(async (dir, ini) => {
    const inner = join(dir, "inner");
    await Deno.mkdir(inner, { mode: 0o700 });
    const site = join(inner, "site.ini");
    await Deno.writeTextFile(site, '[uwsgi]\ncron2 = when="* * * * *",user=nobody,name=n id\n');
    assert(ini !== site);
    const { code, stderr } = await spooler(["check", site]);
    assertEquals(code, 2);
    assertMatch(
      stderr,
      /site\.ini:2: job n: user nobody may not enter \S+inner \(it belongs to root, mode 700\), where its command would start/,
    );
  }),
);

testWith(
  "python",
  "check loads the modules and says where each function comes from",
  inSite(async (dir, ini) => {
    await Deno.writeTextFile(
      join(dir, "tasks.py"),
      "from uwsgidecorators import spool, timer\n\n@spool\ndef hello(env):\n    pass\n" +
        "@timer(30)\ndef tick(signum):\n    pass\n",
    );
    await Deno.writeTextFile(
      join(dir, "t.ts"),
      "export function mail() {}\nexport default () => {};\n",
    );
    await writeIni(ini, "import = tasks.py", "spooler-import = t.ts");
    const { code, stdout } = await spooler(["check", ini]);
    assertEquals(code, 0);
    assertStringIncludes(
      stdout,
      `\nFunctions\n  hello  ${dir}/tasks.py:3\n  mail  ${dir}/t.ts\n  anything else  ${dir}/t.ts\n`,
    );
    assertMatch(
      stdout,
      new RegExp(
        "\\nRegistered by code\\n  tasks/tick  signal 0  \\(\\S+/tasks\\.py:\\d+\\)\\n" +
          `      every 30s, as the user that starts it, in ${dir}\\n      next: `,
      ),
    );
    const json = JSON.parse((await spooler(["check", "--json", ini])).stdout);
    assertEquals(json.offers[0].origins, { hello: `${dir}/tasks.py:3` });
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).includes("sp"), false);
  }),
);

testWith(
  "python",
  "check says which module does not load, and why",
  inSite(async (dir, ini) => {
    await Deno.writeTextFile(join(dir, "good.py"), "");
    await Deno.writeTextFile(join(dir, "bad.py"), "def x(:\n");
    await Deno.writeTextFile(join(dir, "bad.ts"), "export function mail( {\n");
    await writeIni(ini, "import = good.py", "import = bad.py", "spooler-import = bad.ts");
    const { code, stdout, stderr } = await spooler(["check", ini]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^\S+site\.ini:4: .*SyntaxError: invalid syntax \(bad\.py, line 1\)$/m);
    assertMatch(stderr, /^\S+site\.ini:5: .*bad\.ts:1:25: /m);
    assertStringIncludes(stderr, "\n2 problems.");
    await writeIni(ini, "import = good.py", "python = /no/python");
    const without = await spooler(["check", ini]);
    assertEquals(without.code, 2);
    assertMatch(without.stderr, /site\.ini:3: .*: start \/no\/python: No such file/);
  }),
);

Deno.test(
  "a module that does not finish loading has a limit",
  inSite(async (dir, ini) => {
    await Deno.writeTextFile(
      join(dir, "t.mjs"),
      "await new Promise(() => setInterval(() => {}, 1e6));\n",
    );
    await writeIni(ini, "spooler-import = t.mjs");
    const { config } = await loadConfig(ini);
    const { problems, offers } = await loadModules(config, systemClock, 700);
    assertEquals(offers, []);
    assertEquals(problems.map(({ place, message }) => [place.line, message]), [[
      3,
      "not loaded after 0.7 s",
    ]]);
  }),
);

test("handlers for nothing are a warning", async (_, ini) => {
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler-task = ./x\ntimer2 = every=1h ./y\n");
  const { code, stdout } = await spooler(["check", ini]);
  assertEquals(code, 0);
  assertStringIncludes(
    stdout.replaceAll(/\s+/g, " "),
    `site.ini:2: spooler-task never runs: there is no spool to take tasks from (spooler = DIR)`,
  );
});

test("signals and tasks that nothing handles are warnings", async (_, ini) => {
  await writeIni(
    ini,
    "spooler-task = name=mail true",
    "timer = 5 10",
    "rbtimer = 6 10",
    'cron2 = when="0 3 * * *",name=night,spool=mial to=a',
    'cron2 = when="0 3 * * *",name=day,spool=mail to=a',
  );
  const nothing = "raises a signal that nothing handles: there is no task module";
  const warnings = [
    `4: warning: timer ${nothing}: "5 10"`,
    `5: warning: rbtimer ${nothing}: "6 10"`,
    `6: warning: job night: ${ini} has no handler for the function mial; did you mean mail?`,
  ];
  assertEquals(await warningsOf(ini), warnings);
  await using program = await Program.start(["--ini", ini]);
  for (const line of warnings) {
    assertStringIncludes(program.log, `${ini}:${line.replace(" warning:", "")}`);
  }
  assertEquals(await program.stop(), 0);
});

test("check prints for each job when, where, as whom and what", async (dir, ini) => {
  await writeIni(
    ini,
    "spooler-task = true",
    "cron-tz = Europe/Berlin",
    "cron = 0 3 * * 1-5 ./night",
    "timer2 = every=30s,name=beat ./beat --fast",
  );
  const { stdout } = await spooler(["check", ini]);
  const as = "as the user that starts it";
  assertStringIncludes(
    stdout,
    `  ./night  (${ini}:5)\n      0 3 * * 1-5 (Europe/Berlin), ${as}, in ${dir}\n      next: `,
  );
  assertStringIncludes(
    stdout,
    `  beat  ./beat --fast  (${ini}:6)\n      every 30s, ${as}, in ${dir}\n      next: `,
  );
});

test("files that are no certificates", async (dir, ini) => {
  for (const file of ["cert.pem", "key.pem", "ca.pem"]) {
    await Deno.writeTextFile(join(dir, file), "x");
  }
  const line = (more: string) => `suwsgi-socket = 127.0.0.1:0,cert.pem,key.pem${more}`;
  for (const more of ["", ",ca.pem"]) {
    await writeIni(ini, "spooler-task = true", line(more));
    const { code, stderr } = await spooler(["check", ini]);
    assertEquals(code, 2);
    assertMatch(stderr, /^\S+site\.ini:4: suwsgi-socket: .*cert\.pem/);
  }
});

testWith("root", "directories that the user of uid= may not use", async () => {
  await using temp = await tempDir();
  await Deno.chmod(temp.path, 0o755);
  const ini = join(temp.path, "site.ini");
  await Deno.mkdir(join(temp.path, "sp"), { mode: 0o755 });
  await Deno.mkdir(join(temp.path, "work"), { mode: 0o700 });
  await writeIni(ini, "spooler-task = true", "uid = nobody", "chdir = work");
  const { code, stderr } = await spooler(["check", ini]);
  assertEquals(code, 2);
  const owner = "(it belongs to root, mode";
  assertEquals(stderr.trimEnd().split("\n"), [
    `${ini}:2: spooler: user nobody may not write to ${temp.path}/sp ${owner} 755); ` +
    `chown nobody ${temp.path}/sp, or start as its owner`,
    `${ini}:5: chdir: user nobody may not enter ${temp.path}/work ${owner} 700)`,
    "",
    "2 problems.",
  ]);
  await writeIni(ini, "spooler-task = true", "uid = nosuchuser");
  await bothRefuse(ini, `${ini}:4: uid names no user: "nosuchuser"`);
  const groups = ["gid = nosuchgroup", "add-gid = adm", "add-gid = nosuchother"];
  await writeIni(ini, "spooler-task = true", "uid = nobody", ...groups);
  const refused = await spooler(["check", ini]);
  assertEquals(refused.stderr.trimEnd().split("\n"), [
    `${ini}:5: gid names no group: "nosuchgroup"`,
    `${ini}:7: add-gid names no group: "nosuchother"`,
    "",
    "2 problems.",
  ]);
  await Deno.remove(join(temp.path, "sp"));
  await writeIni(ini, "spooler-task = true", "uid = nobody");
  assertEquals((await spooler(["check", ini])).code, 0);
});

/** The warnings of `check`, a line each. */
async function warningsOf(ini: string): Promise<string[]> {
  const { code, stdout, stderr } = await spooler(["check", "--format", "gcc", ini]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n").map((line) => line.replace(`${ini}:`, ""));
}

async function writeScript(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text, { mode: 0o755 });
}

test(
  "commands and interpreters that are not there are warnings at their lines",
  async (dir, ini) => {
    await Deno.mkdir(join(dir, "sub"));
    await writeScript(join(dir, "fine"), "#!/bin/sh\n");
    await writeScript(join(dir, "old"), "#!/usr/bin/python1.5 -u\n");
    await writeScript(join(dir, "env"), "#!/usr/bin/env nosuchinterpreter\n");
    await writeScript(join(dir, "windows"), "#!/bin/sh\r\n");
    await Deno.writeTextFile(join(dir, "text"), "#!/bin/sh\n", { mode: 0o644 });
    await writeIni(
      ini,
      "spooler-task = name=a ./gone --now",
      "spooler-task = name=b nosuchprogram",
      "spooler-task = name=c ./old",
      "spooler-task = name=d ./env",
      "spooler-task = name=e ./windows",
      "spooler-task = name=f ./text",
      "spooler-task = name=g ./sub",
      "spooler-task = name=h cd sub && ../fine && ./gone",
      "spooler-on-failure = /no/failure",
      "cron-on-failure = ./tell",
      "cron = 0 1 * * * ./gone",
      'cron2 = when="0 1 * * *",name=own,chdir=sub,on-failure=./own ../fine',
      "timer2 = every=1h,name=py python0 x.py",
      "spooler-task = name=z ./fine; umask 22; type x && x; echo $HOME | cat > /dev/null",
    );
    const warnings = [
      `3: warning: spooler-task a: ${dir}/gone is not there`,
      "4: warning: spooler-task b: nosuchprogram is not on PATH",
      `5: warning: spooler-task c: ${dir}/old needs /usr/bin/python1.5, which is not there`,
      `6: warning: spooler-task d: ${dir}/env needs nosuchinterpreter, which is not there`,
      `7: warning: spooler-task e: ${dir}/windows needs /bin/sh\\r, which is not there: its lines end as on Windows`,
      `8: warning: spooler-task f: ${dir}/text is not executable`,
      `9: warning: spooler-task g: ${dir}/sub is a directory`,
      `10: warning: spooler-task h: ${dir}/sub/gone is not there`,
      "11: warning: spooler-on-failure: /no/failure is not there",
      `12: warning: cron-on-failure: ${dir}/tell is not there`,
      `13: warning: job gone: ${dir}/gone is not there`,
      `14: warning: job own: on-failure: ${dir}/sub/own is not there`,
      "15: warning: job py: python0 is not on PATH",
      `15: warning: job py: ${dir}/x.py is not there`,
    ];
    assertEquals(await warningsOf(ini), warnings);
    await using program = await Program.start(["--ini", ini]);
    const begin = ` warning: ${ini}:`;
    const logged = program.log.split("\n").filter((line) => line.includes(begin))
      .map((line) => line.slice(line.indexOf(begin) + begin.length));
    assertEquals(logged, warnings.map((line) => line.replace(" warning:", "")));
    // What is installed meanwhile is there at a reload.
    await writeScript(join(dir, "gone"), "#!/bin/sh\n");
    program.signal("SIGHUP");
    await program.line(/ ready$/, 2);
    assertEquals(program.log.split(`${dir}/gone is not there`).length - 1, 2);
    assertEquals(await program.stop(), 0);
  },
);

test("commands are looked for on the PATH that the ini gives them", async (dir, ini) => {
  await Deno.mkdir(join(dir, "bin"));
  await writeScript(join(dir, "bin", "ourprogram"), "#!/bin/sh\n");
  await writeIni(ini, "spooler-task = ourprogram", `env = PATH=${dir}/bin:/usr/bin:/bin`);
  assertEquals((await spooler(["check", "--format", "gcc", ini])).stdout, "");
  await writeIni(ini, "spooler-task = ourprogram");
  assertEquals(await warningsOf(ini), ["3: warning: spooler-task: ourprogram is not on PATH"]);
});

testWith(
  "root",
  `${programLabel}: commands are looked for as the user that will run them`,
  inSite(async (dir, ini) => {
    await Deno.chmod(dir, 0o777);
    const inner = join(dir, "inner");
    await Deno.mkdir(inner, { mode: 0o700 });
    await writeScript(join(inner, "x"), "#!/bin/sh\n");
    await Deno.writeTextFile(join(dir, "own"), "#!/bin/sh\n", { mode: 0o700 });
    await writeIni(
      ini,
      "spooler-task = user=nobody inner/x",
      "timer2 = every=1h,name=t,user=nobody ./own",
      "timer2 = every=1h,name=u ./own",
    );
    const found = [
      `3: warning: spooler-task: ${dir}/inner/x is out of reach for user nobody`,
      `4: warning: job t: ${dir}/own is not executable for user nobody`,
    ];
    assertEquals(await warningsOf(ini), found);
    await writeIni(ini, "spooler-task = inner/x", "uid = nobody");
    assertEquals(await warningsOf(ini), found.slice(0, 1));
  }),
);

testWith(
  "python",
  `${programLabel}: a registration that never runs is a warning, and the ini is not called fine`,
  inSite(async (dir, ini) => {
    const line = "uwsgi.add_cron(5, 0, 24, -1, -1, -1)";
    await Deno.writeTextFile(join(dir, "t.py"), `import uwsgi\n${line}\n`);
    await writeIni(ini, "import = t.py");
    const [warning = ""] = (await spooler(["check", "--format", "gcc", ini])).stdout.split("\n");
    assertMatch(warning, /t\.py:2: warning: signal 5 hour needs .*"24"; it never runs$/);
    const { stdout } = await spooler(["check", ini]);
    assertStringIncludes(stdout, `${ini} can start, with 1 warning.\n`);
    assert(!/is fine/.test(stdout), stdout);
  }),
);

test("a timer with a command is told of timer2", async (_, ini) => {
  await writeIni(ini, "timer = 5 ./beat --fast");
  const why = "takes a signal and seconds, not a command: timer2 = every=5s ./beat --fast runs one";
  await bothRefuse(ini, `${ini}:3: timer ${why}: "5 ./beat --fast"`);
});
