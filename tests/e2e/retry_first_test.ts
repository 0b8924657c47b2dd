/** A task that the program itself starts, because it failed before, and unread ones right behind it. */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { type Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const COUNT = 20;

const MODULES = {
  "tasks.mjs": `
import { existsSync } from "node:fs";
export const flaky = ({ n }) => {
  if (n === "0" && !existsSync("mended")) throw new Error("not yet");
};
`,
  "tasks.py": `
import os
from uwsgidecorators import spool

@spool
def flaky(env):
    if env["n"] == "0" and not os.path.exists("mended"):
        raise RuntimeError("not yet")
`,
};

const nameOf = (n: number) => `uwsgi_spoolfile_on_test_1_${n}_1_1_0`;

/** Has one task fail, and stops the work with that task due before all others, which are unread. */
async function pauseBefore(site: Site, program: Program, func: string): Promise<void> {
  await program.line(/tasks\.\w+ loaded/);
  await writeTask(site.spool, nameOf(0), { ud_spool_func: func, n: "0" });
  await program.line(/_0_1_1_0 deferred until /);
  assertEquals((await spooler(["pause", "--dir", site.spool])).code, 0);
  await program.line(/paused/);
  await Deno.writeTextFile(join(site.dir, "mended"), "");
  for (let n = 1; n <= COUNT; n++) {
    await writeTask(site.spool, nameOf(n), { ud_spool_func: "flaky", n: `${n}` });
  }
  await Deno.utime(join(site.spool, nameOf(0)), 1, 1);
}

/** Resolves when the program has started all that it starts at once. */
async function resume(site: Site, program: Program): Promise<void> {
  assertEquals((await spooler(["resume", "--dir", site.spool])).code, 0);
  await program.line(/_0_1_1_0 started .*, attempt 2/);
  const last = nameOf(COUNT + 1);
  await writeTask(site.spool, last, { ud_spool_func: "flaky", n: "last" });
  await program.line(new RegExp(`watcher: .*${last}`));
}

for (const [file, code] of Object.entries(MODULES)) {
  for (const processes of [1, 2]) {
    testWith(
      file === "tasks.py" ? "python" : "libc",
      `${programLabel}: a worker that gets a task to retry gets no batch beside it: ` +
        `${processes} workers, ${file}`,
      async () => {
        await using site = await makeSite(
          `spooler-import = ${file}`,
          `spooler-processes = ${processes}`,
          "spooler-retry-delay = 3600",
          "spooler-debug = pool, watcher",
        );
        await Deno.writeTextFile(join(site.dir, file), code);
        await using program = await site.start();
        await pauseBefore(site, program, "flaky");
        // A worker that reads two messages at once answers both at once.
        const workers = [...program.log.matchAll(/worker \d+ \(pid (\d+)\) started/g)]
          .map(([, pid]) => Number(pid));
        assertEquals(workers.length, processes);
        for (const pid of workers) Deno.kill(pid, "SIGSTOP");
        await resume(site, program);
        for (const pid of workers) Deno.kill(pid, "SIGCONT");
        await program.line(/flaky \S+ done/, COUNT + 2);
        assertEquals(await program.stop(), 0);
        assertEquals(program.log.match(/broke the protocol.*/g), null);
        assertEquals(program.log.match(/deferred until/g)?.length, 1);
      },
    );
  }
}

testWith(
  "libc",
  `${programLabel}: while a command is retried no worker runs more than spooler-processes allows`,
  async () => {
    await using site = await makeSite(
      "spooler-import = tasks.mjs",
      "spooler-processes = 1",
      "spooler-retry-delay = 3600",
      "spooler-debug = pool, watcher",
      "spooler-task = name=slow test -e mended || exit 3; until test -e go; do sleep 0.02; done",
    );
    await Deno.writeTextFile(join(site.dir, "tasks.mjs"), MODULES["tasks.mjs"]);
    await using program = await site.start();
    await pauseBefore(site, program, "slow");
    await resume(site, program);
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await program.line(/flaky \S+ done/, COUNT + 1);
    assertEquals(await program.stop(), 0);
    const slow = program.log.search(/slow \S+ done/);
    assert(slow >= 0 && slow < program.log.search(/flaky \S+ done/), program.log);
  },
);
