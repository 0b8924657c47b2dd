/** Commands of tasks that run as another user, whom the program is safe from. */

import { join } from "@std/path";
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { commandLine, executable, Program, programLabel, spooler } from "../support/program.ts";
import { renameBytes } from "../support/platform.ts";
import { tempDir } from "../support/temp.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_0";
/** It tries what a hostile task would, then says who it is. */
const HOSTILE = "kill -9 $PPID; rm -f $SPOOLER_FILE; cat $SPOOLER_FILE; " +
  "echo is $(id -un) $USER $HOME with $(cat)";

testWith(
  "root",
  `${programLabel}: a task's command as spooler-uid can kill neither the program nor its task file`,
  async () => {
    await using site = await makeSite(
      "chdir = /",
      "spooler-uid = daemon",
      `spooler-task = ${HOSTILE}`,
    );
    await using program = await site.start();
    await writeTask(site.spool, NAME, { ud_spool_func: "f" }, {
      body: new TextEncoder().encode("a body"),
    });
    await program.line(/ f test_1_1_1_1_0 done/);
    assertStringIncludes(program.log, "is daemon daemon /usr/sbin with a body");
    assertEquals((program.log.match(/not permitted/g) ?? []).length, 1, program.log);
    assertEquals((program.log.match(/Permission denied/g) ?? []).length, 2, program.log);
    assertEquals(await program.stop(), 0);
  },
);

testWith("root", `${programLabel}: user= of a spooler-task counts before spooler-uid`, async () => {
  await using site = await makeSite(
    "chdir = /",
    "spooler-uid = daemon",
    "spooler-task = name=f,user=nobody echo is $(id -un)",
    "spooler-task = echo is $(id -un)",
  );
  await using program = await site.start();
  await writeTask(site.spool, NAME, { ud_spool_func: "f" });
  await program.line(/is nobody/);
  await program.line(/ f test_1_1_1_1_0 done/);
  await writeTask(site.spool, NAME, { ud_spool_func: "other" });
  await program.line(/is daemon/);
  assertEquals(await program.stop(), 0);
});

testWith(
  "root",
  `${programLabel}: a command of another user is ended with all it started`,
  async () => {
    await using site = await makeSite(
      "chdir = /",
      "spooler-max-retries = 0",
      "spooler-task = user=daemon,harakiri=1 echo begun; sleep 1000",
    );
    await using program = await site.start();
    await writeTask(site.spool, NAME, { ud_spool_func: "f" });
    await program.line(/harakiri after 1 s/);
    assertEquals(await program.stop(), 0);
  },
);

testWith("root", "an orphan of another user is known as the one that runs its task", async () => {
  await using site = await makeSite(
    "chdir = /",
    "spooler-task = user=daemon echo begun; until test -e GO; do sleep 0.05; done",
  );
  const go = join(site.dir, "go");
  await Deno.chmod(site.dir, 0o755);
  await rewriteSite(
    site,
    "chdir = /",
    `spooler-task = user=daemon echo begun; until test -e ${go}; do sleep 0.05; done`,
  );
  await using first = await site.start();
  await writeTask(site.spool, NAME, { ud_spool_func: "f" });
  await first.line(/begun/);
  await first.kill();
  await using second = await site.start();
  await second.line(/process \d+ still runs it/);
  await Deno.writeTextFile(go, "");
  await second.line(/ f test_1_1_1_1_0 done/);
  assertEquals(await second.stop(), 0);
});

testWith(
  "root",
  `${programLabel}: an orphan of another user is found by who may not read its environment`,
  async () => {
    await using temp = await tempDir();
    await Deno.chmod(temp.path, 0o755);
    const go = join(temp.path, "go");
    await using site = await makeSite(
      "chdir = /",
      `spooler-task = user=daemon echo begun; until test -e ${go}; do sleep 0.05; done`,
    );
    // Root as in a container.
    const [file, args] = commandLine(["--ini", site.ini]);
    const launch = () =>
      Program.launch("setpriv", ["--bounding-set=-sys_ptrace,-perfmon,-sys_admin", file, ...args]);
    await using first = launch();
    await first.line(/ ready$/);
    await writeTask(site.spool, NAME, { ud_spool_func: "f" });
    await first.line(/begun/);
    await first.kill();
    await using second = launch();
    await second.line(/process \d+ still runs it/);
    await Deno.writeTextFile(go, "");
    await second.line(/ f test_1_1_1_1_0 done/);
    assertEquals((second.log.match(/begun/g) ?? []).length, 1, second.log);
    assertEquals(await second.stop(), 0);
  },
);

/** What a hostile task of a module tries; it says what came of each. */
const HOSTILE_PYTHON = `
import os, errno
from uwsgidecorators import spool

def tried(what, call):
    try:
        call()
        print("%s: allowed" % what)
    except OSError as error:
        print("%s: %s" % (what, errno.errorcode[error.errno]))

@spool
def f(arguments):
    parent = os.getppid()
    tried("kill", lambda: os.kill(parent, 9))
    tried("trace", lambda: open("/proc/%d/mem" % parent, "r+b"))
    tried("unlink", lambda: os.unlink(SPOOLED))
    tried("read", lambda: open(SPOOLED, "rb"))
    tried("link", lambda: os.symlink("/etc/passwd", COPIES() + "/other"))
    print("is %d of %s with %s" % (os.getuid(), os.environ["HOME"], arguments["body"]))

@spool
def fails(arguments):
    raise ValueError("no " + arguments["n"])

@spool
def waits(arguments):
    import time
    print("begun")
    while not os.path.exists(arguments["go"]): time.sleep(0.05)

def COPIES():
    open_files = ["/proc/self/fd/" + fd for fd in os.listdir("/proc/self/fd")]
    paths = [os.readlink(each) for each in open_files if os.path.exists(each)]
    return os.path.dirname([path for path in paths if "uwsgi_spoolfile" in path][0])
`;

/** A site whose task modules others may read. */
async function openSite(...lines: string[]): Promise<Site> {
  const site = await makeSite("chdir = /", "spooler-uid = daemon", ...lines);
  await Deno.chmod(site.dir, 0o755);
  return site;
}

async function pythonSite(...lines: string[]): Promise<Site> {
  const site = await openSite("python = /usr/bin/python3", "spooler-import = tasks.py", ...lines);
  const code = HOSTILE_PYTHON.replaceAll("SPOOLED", JSON.stringify(join(site.spool, NAME)));
  await Deno.writeTextFile(join(site.dir, "tasks.py"), code);
  return site;
}

testWith(
  "root",
  `${programLabel}: a Python task as spooler-uid can kill neither the program nor its task file`,
  async () => {
    await using site = await pythonSite();
    await using program = await site.start();
    await writeTask(site.spool, NAME, { ud_spool_func: "f" }, {
      body: new TextEncoder().encode("a body"),
    });
    await program.line(/ f test_1_1_1_1_0 done/);
    for (const what of ["kill: EPERM", "trace: EACCES", "unlink: EACCES", "read: EACCES"]) {
      assertStringIncludes(program.log, what);
    }
    assertStringIncludes(program.log, "link: EACCES");
    assertMatch(program.log, /is [1-9]\d* of \/usr\/sbin with a body/);
    assertEquals([...Deno.readDirSync(site.spool)].filter(({ isFile }) => isFile), []);
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "root",
  `${programLabel}: a Python task as spooler-uid that fails is retried, and given up`,
  async () => {
    await using site = await pythonSite("spooler-max-retries = 1", "spooler-retry-delay = 0");
    await using program = await site.start();
    await writeTask(join(site.spool, "5"), NAME, { ud_spool_func: "fails", n: "way" });
    await program.line(/ fails test_1_1_1_1_0 given up, kept in failed\/: ValueError: no way/);
    const failed = JSON.parse(
      await Deno.readTextFile(join(site.spool, "failed/5", `${NAME}.json`)),
    );
    assertStringIncludes(failed.attempts.stderr, "ValueError: no way");
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "root",
  `${programLabel}: a task whose name is no UTF-8 is given up by a worker of spooler-uid`,
  async () => {
    await using site = await pythonSite();
    await using program = await site.start();
    const path = await writeTask(join(site.dir, "made"), NAME, { ud_spool_func: "f" });
    renameBytes(path, join(site.spool, `${NAME}\udcff`));
    await program.line(/ f .* given up, kept in failed\/: its name is no UTF-8/);
    assertEquals(await program.stop(), 0);
  },
);

testWith(
  "root",
  `${programLabel}: what a worker of spooler-uid runs does not run beside it after a kill`,
  async () => {
    await using site = await pythonSite();
    const go = join(site.dir, "go");
    await using first = await site.start();
    await writeTask(site.spool, NAME, { ud_spool_func: "waits", go });
    await first.line(/begun/);
    await first.kill();
    await using second = await site.start();
    // The worker died with its program, or its task waits for it.
    await Deno.writeTextFile(go, "");
    await second.line(/ waits test_1_1_1_1_0 done/);
    assertEquals(await second.stop(), 0);
  },
);

testWith(
  "executable",
  "a TypeScript task as spooler-uid cannot kill the program",
  async () => {
    await using site = await openSite("spooler-import = tasks.ts");
    await Deno.writeTextFile(
      join(site.dir, "tasks.ts"),
      `export function f({ n }: { n: string }, body: Uint8Array): void {
        const { ppid } = Deno;
        try {
          Deno.kill(ppid, "SIGKILL");
          console.log("kill: allowed");
        } catch (error) {
          console.log("kill: " + (error as Error).message);
        }
        try {
          Deno.removeSync(${JSON.stringify(join(site.spool, NAME))});
          console.log("unlink: allowed");
        } catch (error) {
          console.log("unlink: " + (error as Error).message);
        }
        console.log("is " + Deno.uid() + " with " + n + " and " + body.length);
      }`,
    );
    // Where it is may not be everybody's to enter.
    const file = join(site.dir, "program");
    await Deno.copyFile(executable ?? "", file);
    await Deno.chmod(file, 0o755);
    await using program = await Program.start(["--ini", site.ini], { file });
    await writeTask(site.spool, NAME, { ud_spool_func: "f", n: "one" }, {
      body: new Uint8Array(1_000_000),
    });
    await program.line(/ f test_1_1_1_1_0 done/);
    assertMatch(program.log, /kill: .*(not permitted|EPERM)/i);
    assertMatch(program.log, /unlink: .*denied/);
    assertMatch(program.log, /is [1-9]\d* with one and 1000000/);
    assertEquals(await program.stop(), 0);
  },
);

testWith("root", "check loads modules as who will run them", async () => {
  await using site = await makeSite(
    "spooler-uid = daemon",
    "python = /usr/bin/python3",
    "spooler-python-import = tasks",
  );
  await Deno.chmod(site.dir, 0o777);
  const told = join(site.dir, "told");
  await Deno.writeTextFile(
    join(site.dir, "tasks.py"),
    `import os\nopen(${JSON.stringify(told)}, "w").write(str(os.getuid()))\n`,
  );
  await spooler(["check", site.ini]);
  assertEquals(await Deno.readTextFile(told), "1");
  await rewriteSite(site, "spooler-uid = nosuchuser", "spooler-python-import = tasks");
  const { code, stderr } = await spooler(["check", site.ini]);
  assertEquals(code, 2);
  assertEquals(stderr.match(/nosuchuser/g)?.length, 1, stderr);
  assertStringIncludes(stderr, 'site.ini:3: spooler-uid names no account: "nosuchuser"');
});

testWith("root", "a spooler-uid that names nobody is one error, at its line", async () => {
  await using site = await makeSite(
    "spooler-task = name=f true",
    "spooler-task = name=g true",
    "spooler-uid = nosuchuser",
    "spooler-python-import = tasks",
  );
  const error = `${site.ini}:5: spooler-uid names no account: "nosuchuser"`;
  const { stderr } = await spooler(["check", site.ini]);
  assertEquals(stderr.trimEnd().split("\n"), [error, "", "1 problem."]);
  const start = await spooler(["--ini", site.ini]);
  assertEquals(start.stderr.trimEnd(), `spooler: ${error}`);
});

testWith("root", "what cannot run as spooler-uid is said at the start, with its line", async () => {
  await using site = await makeSite(
    "spooler-uid = nosuchuser",
    "spooler-python-import = tasks",
  );
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'site.ini:3: spooler-uid names no account: "nosuchuser"');
  await rewriteSite(
    site,
    "spooler-uid = daemon",
    "spooler-task = name=f,user=nosuchuser true",
    "spooler-task = name=g true",
  );
  const second = await spooler(["--ini", site.ini]);
  assertStringIncludes(second.stderr, 'site.ini:4: user= names no account: "nosuchuser"');
  assertStringIncludes(second.stderr, "site.ini:5: spooler-task g: user daemon may not enter");
});
