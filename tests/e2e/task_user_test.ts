/** Commands of tasks that run as another user, whom the program is safe from. */

import { join } from "@std/path";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";
import { testWith } from "../support/require.ts";
import { makeSite, rewriteSite } from "../support/site.ts";
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

testWith("root", "what cannot run as spooler-uid is said at the start, with its line", async () => {
  await using site = await makeSite(
    "spooler-uid = daemon",
    "spooler-python-import = tasks",
    "spooler-task = name=f,user=nosuchuser true",
    "spooler-task = name=g true",
  );
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 2);
  assertStringIncludes(
    stderr,
    "site.ini:3: spooler-uid is for spooler-task only, and module tasks",
  );
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
