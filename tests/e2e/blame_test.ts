/** What hangs or dies in a worker is what is blamed: never a task that merely waits behind it. */

import { existsSync } from "node:fs";
import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

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

const HANDLED_MS = 300;

/** A task has the only worker until `go` is there; what is due waits for it. */
const BUSY = {
  "tasks.mjs": `
import { existsSync, writeFileSync } from "node:fs";
const work = () => { for (const end = Date.now() + ${HANDLED_MS}; Date.now() < end;); };
uwsgi.timer(1, function beat() { work(); });
uwsgi.cron(0, 3, 1, 1, -1, function yearly() { work(); });
uwsgi.signal(5, function flush() { work(); });
export const slow = async () => {
  writeFileSync("busy", "");
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync("free", String(Date.now()));
};
`,
  "tasks.py": `
import os, time
from uwsgidecorators import cron, signal, spool, timer

def work():
    time.sleep(${HANDLED_MS / 1000})

@timer(1)
def beat(signum):
    work()

@cron(0, 3, 1, 1, -1)
def yearly(signum):
    work()

@signal(5)
def flush(signum):
    work()

@spool
def slow(env):
    open("busy", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
    with open("free", "w") as free:
        free.write(str(time.time() * 1000))
`,
};

/** The time at the beginning of a line of the log. */
const timeOfLine = (line: string) => Date.parse(line.slice(0, 23).replace(" ", "T"));

/** As in `(612 ms)` and `(1.3 s)`. */
function tookMsIn(line: string): number {
  const [, number, unit] = /\(([\d.]+) (m?s)\)$/.exec(line) ?? [];
  return Number(number) * (unit === "s" ? 1000 : 1);
}

for (const [file, code] of Object.entries(BUSY)) {
  testWith(
    file === "tasks.py" ? "python" : "libc",
    `${programLabel}: what is due while all workers are busy waits, and its wait is no part of its duration (${file})`,
    async () => {
      await using site = await makeSite(`spooler-import = ${file}`, "timer = 5 1");
      await Deno.writeTextFile(join(site.dir, file), code);
      await using program = await site.start();
      await program.line(/tasks\.\w+ loaded/);
      await writeTask(site.spool, `${PREFIX}_1_1_1_0`, { ud_spool_func: "slow" });
      await until(() => existsSync(join(site.dir, "busy")), "the worker is busy");
      const cron = await spooler(["run-job", "tasks/yearly", "--ini", site.ini]);
      const waits = "tasks/yearly: starts when what runs has ended, in the running program\n";
      assertEquals([cron.code, cron.stdout], [0, waits]);
      await program.line(
        /job tasks\/beat skipped: its last slot still waits for a free worker$/,
      );
      const again = await spooler(["run-job", "tasks/yearly", "--ini", site.ini]);
      assertMatch(again.stderr, /its last slot still waits for a free worker/);
      const status = await spooler(["status", "--ini", site.ini]);
      assertMatch(status.stdout, /^tasks\/yearly .*waits for a free worker/m);
      assert(!/job \S+ started/.test(program.log), program.log);
      await Deno.writeTextFile(join(site.dir, "go"), "");
      for (const job of ["tasks/beat", "tasks/yearly", "signal-5"]) {
        const line = await program.line(new RegExp(`job ${job} done`));
        const freeAt = Number(await Deno.readTextFile(join(site.dir, "free")));
        const tookMs = tookMsIn(line);
        const most = timeOfLine(line) - freeAt + 20;
        assert(tookMs >= HANDLED_MS - 20 && tookMs <= most, `at most ${most} ms: ${line}`);
      }
      assertEquals(await program.stop(), 0);
    },
  );
}

const RAISING = {
  "tasks.mjs": `
import { existsSync } from "node:fs";
uwsgi.signal(17, function flush() { while (true); });
uwsgi.signal(18, function purge() { throw new Error("nothing to purge"); });
export const raise = async () => {
  for (const signal of [17, 18, 19]) await uwsgi.raise(signal);
};
`,
  "tasks.py": `
import time
import uwsgi
from uwsgidecorators import signal, spool

@signal(17)
def flush(signum):
    time.sleep(60)

@signal(18)
def purge(signum):
    raise ValueError("nothing to purge")

@spool(pass_arguments=False)
def raise_(env):
    for signum in (17, 18, 19):
        uwsgi.signal(signum)
`,
};

for (const [file, code] of Object.entries(RAISING)) {
  testWith(
    file === "tasks.py" ? "python" : "libc",
    `${programLabel}: what fails of a signal that task code raises is named in the log (${file})`,
    async () => {
      await using site = await makeSite(`spooler-import = ${file}`, "spooler-harakiri = 1");
      await Deno.writeTextFile(join(site.dir, file), code);
      await using program = await site.start();
      await program.line(/tasks\.\w+ loaded/);
      const func = file === "tasks.py" ? "raise_" : "raise";
      await writeTask(site.spool, `${PREFIX}_1_1_1_0`, { ud_spool_func: func });
      await program.line(/raise_? \S+ done/);
      await program.line(/signal 19 was raised, and has no handler in task code$/);
      const line = await program.line(
        /spool: signal 17 \(flush\) failed: harakiri after 1 s \([\d.]+ m?s\)$/,
      );
      const tookMs = tookMsIn(line);
      assert(tookMs >= 1000, line);
      await program.line(/signal 18 \(purge\) failed: .*nothing to purge \(/);
      assertEquals(await program.stop(), 0);
    },
  );
}
