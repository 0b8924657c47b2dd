/**
 * Stops that reach the children of the program as well, as by systemd's KillMode=control-group or an
 * init that signals all it has: what ran was interrupted, whatever it ran in.
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { type Program, programLabel, spooler } from "../support/program.ts";
import { descendants } from "../support/processes.ts";
import { testWith } from "../support/require.ts";
import { makeSiteWith, pushTask, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("python", `${programLabel}: stop of the whole group: ${name}`, body);

const PYTHON = `
import time
from uwsgidecorators import spool
@spool
def slow_python(env):
    print("python has begun", flush=True)
    time.sleep(600)
`;

const TIMER = `
import time
from uwsgidecorators import timer
@timer(1)
def ticker(signal):
    print("timer has begun", flush=True)
    time.sleep(600)
`;

const TYPESCRIPT = `
export async function slow_typescript() {
  console.log("typescript has begun");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}
`;

const siteWith = (files: Record<string, string>, ...ini: string[]): Promise<Site> =>
  makeSiteWith(files, "spooler-max-retries = 1", "spooler-processes = 2", ...ini);

/** Each process of it gets the signal, the children first. */
function signalAll(program: Program, signal: Deno.Signal): void {
  for (const pid of descendants(program.pid)) Deno.kill(pid, signal);
  program.signal(signal);
}

/** What is there afterwards, and how often it has failed. */
async function tasksOf(site: Site): Promise<[func: string, state: string, failures: number][]> {
  const { stdout } = await spooler(["list", "--dir", site.spool, "--json"]);
  return stdout.trim().split("\n").filter(Boolean).map((line) => {
    const { function: func, state, failures } = JSON.parse(line);
    return [func, state, failures] as [string, string, number];
  }).sort();
}

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  test(`tasks in Python and TypeScript are not charged for ${signal}`, async () => {
    await using site = await siteWith(
      { "tasks.py": PYTHON, "tasks.ts": TYPESCRIPT },
      "spooler-import = tasks.py",
      "spooler-import = tasks.ts",
    );
    await using program = await site.start();
    await pushTask(site, "ud_spool_func=slow_python");
    await pushTask(site, "ud_spool_func=slow_typescript");
    await program.line(/\| python has begun/);
    await program.line(/\| typescript has begun/);
    signalAll(program, signal);
    assertEquals(await program.ended(), 0, program.log);
    assertEquals(await tasksOf(site), [
      ["slow_python", "ready", 0],
      ["slow_typescript", "ready", 0],
    ], program.log);
    assert(!/worker \d+:|given up|deferred until|cannot be loaded/.test(program.log), program.log);
  });
}

test("a batch of a worker stays ready as a whole", async () => {
  await using site = await siteWith(
    { "tasks.ts": TYPESCRIPT },
    "spooler-import = tasks.ts",
    "spooler-processes = 1",
  );
  await using program = await site.start();
  for (let i = 0; i < 20; i++) {
    await writeTask(site.spool, `uwsgi_spoolfile_on_test_1_${i}_1_1_0`, {
      ud_spool_func: "slow_typescript",
    });
  }
  await program.line(/\| typescript has begun/);
  signalAll(program, "SIGTERM");
  assertEquals(await program.ended(), 0);
  const tasks = await tasksOf(site);
  assertEquals(tasks.length, 20);
  assert(tasks.every(([, state, failures]) => state === "ready" && failures === 0), program.log);
});

test("a timer in task code has ended with the program, and is no failure to report", async () => {
  await using site = await siteWith(
    { "tasks.py": TIMER },
    "spooler-import = tasks.py",
    "cron-on-failure = touch failed",
  );
  await using program = await site.start();
  await program.line(/\| timer has begun/);
  signalAll(program, "SIGTERM");
  assertEquals(await program.ended(), 0);
  assert(/ended with the program/.test(program.log), program.log);
  await Deno.stat(join(site.dir, "failed")).then(
    () => assert(false, "cron-on-failure ran"),
    () => {},
  );
});

test("a worker that loads its modules says nothing of them", async () => {
  await using site = await siteWith(
    { "tasks.py": `import time\nprint("loading", flush=True)\ntime.sleep(600)\n` },
    "spooler-import = tasks.py",
  );
  await using program = await site.start();
  await program.line(/[|!] loading/);
  signalAll(program, "SIGTERM");
  assertEquals(await program.ended(), 0);
  assert(!/cannot be loaded/.test(program.log), program.log);
});

test("the same signal to a worker alone is its task's failure", async () => {
  await using site = await siteWith({ "tasks.py": PYTHON }, "spooler-import = tasks.py");
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=slow_python");
  await program.line(/\| python has begun/);
  for (const pid of descendants(program.pid)) Deno.kill(pid, "SIGTERM");
  await program.line(/slow_python \S+ deferred until .*killed by SIGTERM/);
  assertEquals(await program.stop(), 0);
});
