/** A worker dies: only a task that it had begun is charged with that. */

import { join } from "@std/path";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { type Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSiteWith, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

/** Each task notes its name the moment that it begins. */
const TYPESCRIPT = `
import { appendFileSync, existsSync } from "node:fs";
const begin = (vars) => appendFileSync("began", vars.spooler_task_name + "\\n");
const busy = (ms) => { for (const end = performance.now() + ms; performance.now() < end;); };
export function pid(vars, _body, context) {
  begin(vars);
  console.log(\`pid \${Deno.pid}, attempt \${context.attempt}\`);
}
export function once(vars, _body, context) {
  begin(vars);
  console.log(\`pid \${Deno.pid}, attempt \${context.attempt}\`);
  if (context.attempt === 1) throw new Error("the first time");
}
export async function meet() {
  console.log(\`meets pid \${Deno.pid}\`);
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20));
}
export function short(vars) {
  begin(vars);
  busy(0.3);
}
export function deadly(vars) {
  begin(vars);
  Deno.kill(Deno.pid, "SIGKILL");
  while (true);
}
export function slow(vars) {
  begin(vars);
  busy(60_000);
}
`;

const PYTHON = `
import os, signal, time
import uwsgi
from uwsgidecorators import spool

def begin(env):
    with open("began", "a") as out:
        out.write(os.fsdecode(env["spooler_task_name"]) + "\\n")

@spool
def pid(env):
    begin(env)
    print("pid %d, attempt ?" % os.getpid())

@spool
def once(env):
    begin(env)
    print("pid %d, attempt ?" % os.getpid())
    if not os.path.exists("failed-once"):
        open("failed-once", "w").close()
        raise RuntimeError("the first time")

@spool
def meet(env):
    print("meets pid %d" % os.getpid())
    while not os.path.exists("go"):
        time.sleep(0.02)

@spool
def short(env):
    begin(env)
    time.sleep(0.0003)

@spool
def deadly(env):
    begin(env)
    os.kill(os.getpid(), signal.SIGKILL)

@spool
def slow(env):
    begin(env)
    time.sleep(60)
`;

const LANGUAGES = [["tasks.mjs", TYPESCRIPT, "libc"], ["tasks.py", PYTHON, "python"]] as const;

const siteWith = (file: string, code: string, ...ini: string[]): Promise<Site> =>
  makeSiteWith({ [file]: code }, `spooler-import = ${file}`, ...ini);

const nameOf = (n: number) => `uwsgi_spoolfile_on_test_1_${n}_1_1_0`;

function put(site: Site, n: number, func: string): Promise<string> {
  return writeTask(site.spool, nameOf(n), { ud_spool_func: func });
}

function beganIn(site: Site): string[] {
  return Deno.readTextFileSync(join(site.dir, "began")).trim().split("\n");
}

/** The process that printed the last such line. */
async function workerPid(program: Program, count: number): Promise<number> {
  const line = await program.line(/pid \d+, attempt/, count);
  return Number(/pid (\d+)/.exec(line)?.[1]);
}

for (const [file, code, need] of LANGUAGES) {
  testWith(
    need,
    `${programLabel}: ${file}: a task that a dead worker was handed and had not begun is not charged`,
    async () => {
      await using site = await siteWith(
        file,
        code,
        "spooler-debug = pool",
        "spooler-retry-delay = 3600",
      );
      await using program = await site.start();
      await put(site, 1, "pid");
      const pid = await workerPid(program, 1);
      await program.line(/pid test_1_1_1_1_0 done/);
      Deno.kill(pid, "SIGSTOP");
      await put(site, 2, "pid");
      await program.line(/\(pid \d+\) gets 1 task, \S+_2_1_1_0 first/);
      Deno.kill(pid, "SIGKILL");
      await program.line(/the worker was killed by SIGKILL$/);
      await program.line(/pid test_1_2_1_1_0 done/);
      assertEquals(await program.stop(), 0);
      assertEquals(program.log.match(/deferred|failed/g), null);
      assertEquals(beganIn(site), [nameOf(1), nameOf(2)]);
    },
  );

  testWith(
    need,
    `${programLabel}: ${file}: a retry that a dead worker had not begun is not charged`,
    async () => {
      await using site = await siteWith(
        file,
        code,
        "spooler-debug = pool",
        "spooler-retry-delay = 5",
      );
      await using program = await site.start();
      await put(site, 1, "once");
      const pid = await workerPid(program, 1);
      await program.line(/once \S+ deferred until .*the first time/);
      // It has let go of the first before it runs another.
      await put(site, 2, "pid");
      await program.line(/pid \S+ done/);
      Deno.kill(pid, "SIGSTOP");
      await program.line(/is free for 1 request/);
      Deno.kill(pid, "SIGKILL");
      await program.line(/the worker was killed by SIGKILL$/);
      await program.line(/once \S+ done/);
      assertMatch(await program.line(/pid \d+, attempt/, 3), /attempt (2|\?)$/);
      assertEquals(await program.stop(), 0);
      assertEquals(program.log.match(/deferred/g)?.length, 1);
    },
  );

  testWith(
    need,
    `${programLabel}: ${file}: whose worker dies before it begins, twice in a row, is charged`,
    async () => {
      await using site = await siteWith(
        file,
        code,
        "spooler-debug = pool",
        "spooler-retry-delay = 3600",
        "spooler-processes = 2",
      );
      await using program = await site.start();
      await put(site, 1, "meet");
      await put(site, 2, "meet");
      await program.line(/meets pid \d+/, 2);
      const pids = [...program.log.matchAll(/meets pid (\d+)/g)].map(([, pid]) => Number(pid));
      await Deno.writeTextFile(join(site.dir, "go"), "");
      await program.line(/meet \S+ done/, 2);
      for (const pid of pids) Deno.kill(pid, "SIGSTOP");
      await put(site, 3, "pid");
      for (let time = 1; time <= 2; time++) {
        const line = await program.line(/gets 1 task, \S+_3_1_1_0 first/, time);
        Deno.kill(Number(/pid (\d+)/.exec(line)?.[1]), "SIGKILL");
      }
      await program.line(/ pid test_1_3_1_1_0 deferred until .*killed by SIGKILL/);
      await program.stop();
    },
  );

  testWith(
    need,
    `${programLabel}: ${file}: in the middle of a batch exactly the task that ends its worker is charged`,
    async () => {
      await using site = await siteWith(file, code, "spooler-retry-delay = 3600");
      for (let n = 1; n <= 200; n++) await put(site, n, n % 70 === 0 ? "deadly" : "short");
      await using program = await site.start();
      await program.line(/(short|task) \S+ done/, 198);
      await program.line(/deadly \S+ deferred/, 2);
      assertEquals(await program.stop(), 0);
      assertEquals(program.log.match(/deferred/g)?.length, 2);
      assertEquals(beganIn(site).length, 200);
    },
  );

  testWith(
    need,
    `${programLabel}: ${file}: workers killed at random charge only what they had begun`,
    async () => {
      await using site = await siteWith(file, code, "spooler-retry-delay = 3600");
      await using program = await site.start();
      for (let round = 1; round <= 5; round++) {
        await put(site, round * 1000, "pid");
        const pid = await workerPid(program, round);
        for (let n = 1; n <= 40; n++) await put(site, round * 1000 + n, "short");
        await program.line(/(short|task) \S+ (done|deferred)/, (round - 1) * 40 + round * 2);
        Deno.kill(pid, "SIGKILL");
        await program.line(/(short|task) \S+ (done|deferred)/, round * 40);
      }
      assertEquals(await program.stop(), 0);
      const charged = [...program.log.matchAll(/(?:short|task) test_1_(\d+)_\S+ deferred/g)]
        .map(([, n]) => Number(n));
      const rounds = charged.map((n) => Math.floor(n / 1000));
      assertEquals(rounds.length, new Set(rounds).size, `two charged for one kill: ${charged}`);
      // What had begun when its worker was killed is charged, so it does not begin again soon.
      const began = beganIn(site);
      assertEquals(began.length, new Set(began).size, "a task began twice");
    },
  );

  testWith(
    need,
    `${programLabel}: ${file}: a worker killed after a second says so in its task's line`,
    async () => {
      await using site = await siteWith(file, code, "spooler-retry-delay = 3600");
      await using program = await site.start();
      await put(site, 1, "pid");
      const pid = await workerPid(program, 1);
      await program.line(/pid \S+ done/);
      await put(site, 2, "slow");
      await new Promise((resolve) => setTimeout(resolve, 1100));
      Deno.kill(pid, "SIGKILL");
      const line = await program.line(/slow \S+ deferred until/);
      assertMatch(line, /\(1\.\d+ s\)$/);
    },
  );
}
