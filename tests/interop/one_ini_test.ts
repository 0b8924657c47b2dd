/** One ini under the real uWSGI and under the program, and the two of them side by side. */

import { dirname, join } from "@std/path";
import { encodePacket } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ledgerLines } from "../support/ledger.ts";
import { Program, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** Loads itself into the ledger, and has one task of the same name. */
const module = (name: string) => `
import os
from uwsgidecorators import spool
def note(text):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(text + "\\n")
@spool
def ${name}(env):
    note("${name} ran as " + __name__)
def make():
    note("made")
    return application
application = lambda environ, start_response: []
`;

const FILES: Readonly<Record<string, string>> = {
  "mysite/__init__.py": "",
  "mysite/wsgi.py": module("site"),
  "app.py": module("app"),
  "sub/mounted.py": module("mounted"),
  "imported.py": module("imported"),
  "other.py": module("other"),
  // In place of PasteDeploy.
  "paste/__init__.py": "",
  "paste/deploy.py":
    "def loadapp(uri):\n    import mysite.wsgi\n    return mysite.wsgi.application\n",
  "paste.ini": "[uwsgi]\nimport = imported.py\n[app:main]\nx = y\n",
};

const NAMES = ["site", "app", "mounted", "imported", "other"];

/** What was done by those that the spooler has; the functions of the others are not found. */
async function done(by: "uwsgi" | "ours", lines: readonly string[]): Promise<string[]> {
  await using temp = await tempDir();
  const dir = temp.path;
  for (const [name, text] of Object.entries(FILES)) {
    await Deno.mkdir(dirname(join(dir, name)), { recursive: true });
    await Deno.writeTextFile(join(dir, name), text);
  }
  const spool = join(dir, "spool");
  await Deno.mkdir(spool);
  // The last of them is known to both, whatever the rest is.
  await Deno.writeTextFile(join(dir, "end.py"), module("end"));
  for (const [n, name] of [...NAMES, "end"].entries()) {
    const packet = encodePacket(varsOf({ ud_spool_func: name, ud_spool_ret: "-2" }), 17);
    await Deno.mkdir(join(spool, "1"), { recursive: true });
    const at = name === "end" ? join(spool, "9") : join(spool, "1");
    await Deno.mkdir(at, { recursive: true });
    await Deno.writeFile(join(at, `uwsgi_spoolfile_on_test_1_${n}_1_1_1`), packet);
  }
  const ini = join(dir, "site.ini");
  const settings = [
    ...["[uwsgi]", "plugin = python3", "master = true", "die-on-term = true", "no-orphans = true"],
    ...["socket = own.sock", "spooler = spool", "spooler-frequency = 1", "spooler-ordered = true"],
    ...["spooler-import = end.py", ...lines],
  ];
  await Deno.writeTextFile(ini, `${settings.join("\n")}\n`);
  const ledger = join(dir, "ledger");
  const options = { cwd: dir, env: { LEDGER: ledger } };
  await using program = by === "uwsgi"
    ? Program.launch("uwsgi", ["--ini", ini], options)
    : await Program.start(["--ini", ini], options);
  try {
    await until(() => ledgerLines(ledger).some((line) => line.startsWith("end")), "no end");
  } catch (error) {
    throw new Error(`${error}\n${program.log}`);
  }
  return ledgerLines(ledger).filter((line) => !line.startsWith("end")).toSorted();
}

const INIS: Readonly<Record<string, readonly string[]>> = {
  "a module": ["module = mysite.wsgi"],
  "a module with its callable": ["module = mysite.wsgi:application"],
  "a module whose application is made": ["wsgi = mysite.wsgi:make()"],
  "a module without that callable": ["module = mysite.wsgi:nothing"],
  "the last of two modules": ["module = mysite.wsgi", "module = other"],
  "a module before a file": ["wsgi-file = app.py", "module = mysite.wsgi"],
  "a file": ["wsgi-file = app.py"],
  "a file in a directory": ["file = sub/mounted.py"],
  "a mounted file": ["mount = /m=sub/mounted.py"],
  "a file mounted for a worker": ["worker-mount = 1:/m=sub/mounted.py"],
  "a web3 application": ["web3 = mysite.wsgi:application", "pump = other"],
  "a pump application": ["pump = mysite.wsgi", "wsgi-lite = other"],
  "a wsgi-lite application": ["wsgi-lite = other"],
  "a module before a pump": ["pump = other", "module = mysite.wsgi"],
  "code in the ini": ["eval = import other; application = other.application"],
  "code in the ini before a web3": [
    "web3 = mysite.wsgi",
    "eval = from other import application",
  ],
  "a file before code in the ini": ["eval = import other", "wsgi-file = app.py"],
  "a raw file": ["python-raw = app.py", "module = other"],
  "aliases": ["pymodule-alias = own=other", "post-pymodule-alias = named=imported", "module = own"],
  "paste": ["paste = config:paste.ini"],
  "ini-paste": ["ini-paste = paste.ini"],
  "a mounted module": ["mount = /m=other:application"],
  "a mount that is no Python": ["mount = /m=other"],
  "lazy-apps": ["lazy-apps = true", "module = mysite.wsgi"],
  "an application that is not there, and an import": ["module = no.such", "import = imported.py"],
  "a script": ["pyrun = app.py", "import = imported.py"],
  "a script called python": ["python = app.py", "import = imported.py"],
};

for (const [what, lines] of Object.entries(INIS)) {
  testWith("uwsgi", `one ini: ${what} gives task code the same functions`, async () => {
    const [theirs, own] = await Promise.all([done("uwsgi", lines), done("ours", lines)]);
    assertEquals(own, theirs);
  });
}

/** The files of the recipe in docs/migrating.md, each under the name in its first line. */
async function recipe(): Promise<Map<string, string>> {
  const page = await Deno.readTextFile(new URL("../../docs/migrating.md", import.meta.url));
  const blocks = page.matchAll(/^```(?:ini|python)\n[;#] (\S+\.(?:ini|py))\n([\s\S]*?)^```$/gm);
  return new Map([...blocks].map(([, name = "", text = ""]) => [name, text]));
}

testWith("uwsgi", "two programs side by side, as docs/migrating.md has them", async () => {
  await using temp = await tempDir();
  const dir = temp.path;
  for (const name of ["spool", "run"]) await Deno.mkdir(join(dir, name));
  const files = await recipe();
  assertEquals([...files.keys()].toSorted(), [
    ...["app.py", "jobs.py", "spooler.ini", "tasks.py", "web.ini"],
  ]);
  for (const [name, text] of files) {
    const local = text.replace("127.0.0.1:8080", "127.0.0.1:0").replace(
      "@timer(60)",
      "@timer(1)",
    );
    await Deno.writeTextFile(join(dir, name), local);
  }
  const options = { cwd: dir };
  await using web = Program.launch("uwsgi", ["--ini", join(dir, "web.ini")], options);
  const bound = await web.line(/bound to TCP address 127\.0\.0\.1:\d+/);
  const port = /127\.0\.0\.1:(\d+)/.exec(bound)?.[1];
  await web.line(/spawned uWSGI worker/);
  await using own = await Program.start(["--ini", join(dir, "spooler.ini")], options);
  await own.line(/spool\| a minute has passed/);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assertEquals(await answer.text(), "ok");
  await own.line(/send_mail\| mail to a@example\.org/);
  assert(!/a minute has passed|mail to/.test(web.log), web.log);
  // What would be in both is said by check.
  const { stdout } = await spooler(["check", join(dir, "web.ini")]);
  assert(!/would run twice/.test(stdout), stdout);
});

testWith("uwsgi", "a uWSGI that works through the same spool is named by check", async () => {
  await using temp = await tempDir();
  const dir = temp.path;
  await Deno.mkdir(join(dir, "spool"));
  await Deno.writeTextFile(join(dir, "tasks.py"), module("task"));
  const ini = join(dir, "site.ini");
  const lines = [
    ...["[uwsgi]", "plugin = python3", "master = true", "die-on-term = true", "no-orphans = true"],
    ...["socket = own.sock", "spooler = spool", "spooler-frequency = 1", "import = tasks.py"],
    ...["cron = 5 -1 -1 -1 -1 ./backup", ""],
  ];
  await Deno.writeTextFile(ini, lines.join("\n"));
  await using uwsgi = Program.launch("uwsgi", ["--ini", ini], { cwd: dir, env: { LEDGER: "x" } });
  await uwsgi.line(/spawned the uWSGI spooler/);
  const other = join(dir, "other.ini");
  await Deno.writeTextFile(other, lines.join("\n").replace("own.sock", "other.sock"));
  await until(async () => {
    const { stdout } = await spooler(["check", other]);
    const text = stdout.replace(/\s+/g, " ");
    return /uWSGI \(pid \d+\) works on \S+\/spool as well/.test(text) &&
      /cron backup would run twice if uWSGI/.test(text) &&
      /timers and crons that tasks\.py registers would run twice/.test(text);
  }, "check does not name the uWSGI");
});
