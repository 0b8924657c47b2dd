/** What hangs or dies in a worker is what is blamed: never a task that merely waits behind it. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const PREFIX = "uwsgi_spoolfile_on_test_1";

const CODE = `
import { existsSync, writeFileSync } from "node:fs";
const spin = () => { while (true); };
uwsgi.signal(5, () => {
  // Once: the next worker has nothing to hang on.
  if (existsSync("hung")) return;
  writeFileSync("hung", "");
  HANG
});
export const quick = () => {};
export const slow = () => spin();
`;

for (
  const [what, hang, reason] of [
    ["hangs until harakiri", "spin();", /could not handle its signal: harakiri after 1 s/],
    ["ends its worker", "Deno.exit(3);", /could not handle its signal: .*exit code 3/],
  ] as const
) {
  testWith(
    "libc",
    `${programLabel}: a signal handler that ${what} is blamed, and no task`,
    async () => {
      await using site = await makeSite(
        "spooler-import = tasks.mjs",
        "spooler-harakiri = 1",
        "spooler-retry-delay = 3600",
        "timer = 5 1",
      );
      await Deno.writeTextFile(join(site.dir, "tasks.mjs"), CODE.replace("HANG", hang));
      await using program = await site.start();
      await program.line(/tasks\.mjs loaded/);
      for (let i = 0; i < 20; i++) {
        await writeTask(site.spool, `${PREFIX}_${i}_1_1_0`, { ud_spool_func: "quick" });
      }
      await program.line(reason);
      await writeTask(site.spool, `${PREFIX}_99_1_1_0`, { ud_spool_func: "quick" });
      await program.line(/quick test_1_99_1_1_0 done/);
      assertEquals(await program.stop(), 0);
      assertEquals(program.log.match(/deferred until/g), null);
      assert(!/cannot be loaded|before its first task/.test(program.log), program.log);
      assertEquals(program.log.match(/quick test_1_\d+_1_1_0 done/g)?.length, 21);
    },
  );
}

testWith(
  "libc",
  `${programLabel}: a task that is ended has its true duration in the log`,
  async () => {
    await using site = await makeSite(
      "spooler-import = tasks.mjs",
      "spooler-harakiri = 1",
      "spooler-retry-delay = 3600",
    );
    await Deno.writeTextFile(join(site.dir, "tasks.mjs"), CODE.replace("HANG", ""));
    await using program = await site.start();
    await program.line(/tasks\.mjs loaded/);
    await writeTask(site.spool, `${PREFIX}_1_1_1_0`, { ud_spool_func: "slow" });
    const line = await program.line(/slow \S+ deferred until .*: harakiri after 1 s/);
    assertMatch(line, /\([12]\.\d+ s\)$|\(\d{4} ms\)$|\([12] s\)$/);
  },
);

const REGISTERED = {
  "tasks.mjs": `
import { existsSync, writeFileSync } from "node:fs";
const hangOnce = (file) => {
  if (existsSync(file)) return;
  writeFileSync(file, "");
  while (true);
};
uwsgi.cron(-1, -1, -1, -1, -1, function minutely() { hangOnce("cron-hung"); });
uwsgi.timer(1, function beat() { hangOnce("timer-hung"); });
export const quick = () => {};
`,
  "tasks.py": `
import os, time
import uwsgi
from uwsgidecorators import cron, spool, timer

def hang_once(file):
    if not os.path.exists(file):
        open(file, "w").close()
        time.sleep(60)

@cron(-1, -1, -1, -1, -1)
def minutely(signal):
    hang_once("cron-hung")

@timer(1)
def beat(signal):
    hang_once("timer-hung")

@spool
def quick(env):
    pass
`,
};

for (const [file, code] of Object.entries(REGISTERED)) {
  const need = file === "tasks.py" ? "python" : "libc";
  for (
    const [what, hang, limit, other] of [
      ["cron-harakiri holds for a cron", "minutely", "cron-harakiri = 1", "timer-hung"],
      ["spooler-harakiri holds for a timer", "beat", "spooler-harakiri = 1", "cron-hung"],
    ] as const
  ) {
    testWith(
      need,
      `${programLabel}: ${what} that task code registers in ${file}`,
      async () => {
        await using site = await makeSite(`spooler-import = ${file}`, limit);
        await Deno.writeTextFile(join(site.dir, file), code);
        await Deno.writeTextFile(join(site.dir, other), "");
        await using program = await site.start();
        await program.line(/tasks\.\w+ loaded/);
        await writeTask(site.spool, `${PREFIX}_1_1_1_0`, { ud_spool_func: "quick" });
        const line = await program.line(
          new RegExp(`${hang} failed: could not handle its signal: harakiri after 1 s`),
          1,
          90_000,
        );
        assertMatch(line, /\(([12]\.\d+ s|\d{4} ms|[12] s)\)$/);
        await program.line(/quick \S+ done/);
        assertEquals(await program.stop(), 0);
        assertEquals(program.log.match(/deferred/g), null);
      },
    );
  }
}

testWith(
  "libc",
  `${programLabel}: a worker that is killed while it waits costs no task anything`,
  async () => {
    await using site = await makeSite("spooler-import = tasks.mjs", "spooler-retry-delay = 3600");
    const code = "export const pid = () => console.log(`pid ${Deno.pid}`);";
    await Deno.writeTextFile(join(site.dir, "tasks.mjs"), code);
    await using program = await site.start();
    await program.line(/tasks\.mjs loaded/);
    for (let n = 1; n <= 5; n++) {
      await writeTask(site.spool, `${PREFIX}_${n}_1_1_0`, { ud_spool_func: "pid" });
      const line = await program.line(/pid \d+$/, n);
      await program.line(/pid \S+ done/, n);
      // It waits for its next task now.
      Deno.kill(Number(/\d+$/.exec(line)?.[0]), "SIGKILL");
      await program.line(/the worker was killed by SIGKILL$/, n);
    }
    assertEquals(await program.stop(), 0);
    assertEquals(program.log.match(/deferred|failed/g), null);
  },
);
