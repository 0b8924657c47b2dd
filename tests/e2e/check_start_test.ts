/** `check` finds what a start would fail with, with the same words, and both name file and line. */

import { join } from "@std/path";
import { loadModules } from "../../src/app/module_check.ts";
import { loadConfig } from "../../src/config/load.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
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
      /\nRegistered by code\n {2}tasks\/tick {2}every 30s, signal 0 {2}\(\S+\/tasks\.py:\d+\)\n/,
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
    assertMatch(without.stderr, /site\.ini:3: .*'\/no\/python'/);
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
