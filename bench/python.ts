/**
 * How fast a Python task worker drains tasks that do nothing, beside uWSGI's Python spooler in the
 * same run, with one process each. The worker is fed in batches by a master that does nothing else.
 *
 *     deno run -A bench/python.ts [--tasks=20000] [--batch=200] [--runs=5]
 *
 * TMPDIR says which file system is used. Both run the same module, on the same Python. At its end it says
 * what a put costs, by bench/python_client.py.
 */

import { join } from "@std/path";
import { fillSpool } from "../tests/support/fill.ts";
import { ScriptedMaster } from "../tests/support/scripted_master.ts";
import { UWSGI_PYTHON } from "./programs.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 20_000);
const batch = numberArg("batch", 200);
const runs = numberArg("runs", 5);

/** Notes when the first task began and when the last has ended; uWSGI is ended by it. */
const moduleFor = (took: string) => `
import os, signal, time, uwsgi
from uwsgidecorators import spool
left = ${tasks}
first = None
@spool
def noop(env):
    global left, first
    if first is None:
        first = time.monotonic()
    left -= 1
    if left == 0:
        with open(${JSON.stringify(took)}, "w") as out:
            print(time.monotonic() - first, file=out)
        if os.environ.get("BENCH_UWSGI"):
            os.kill(os.getppid(), signal.SIGKILL)
    return uwsgi.SPOOL_OK
`;

async function uwsgi(dir: string): Promise<number> {
  const spool = join(dir, "spool");
  const took = join(dir, "took");
  fillSpool(spool, tasks);
  const module = join(dir, "module.py");
  Deno.writeTextFileSync(module, moduleFor(took));
  await new Deno.Command("uwsgi", {
    args: [
      ...["--plugin", "python3", "--master", "--no-orphans", "--spooler-quiet"],
      ...["--socket", join(dir, "own.sock"), "--spooler", spool, "--import", module],
      ...["--spooler-frequency", "1"],
    ],
    env: { BENCH_UWSGI: "1" },
    stdout: "null",
    stderr: "null",
  }).output();
  return Number(Deno.readTextFileSync(took));
}

async function ours(dir: string, python: string): Promise<number> {
  const took = join(dir, "took");
  await using master = await ScriptedMaster.python(moduleFor(took), { python });
  const names = fillSpool(master.spool, tasks);
  // Two batches are on their way at any time, so that the worker never waits.
  let given = 0;
  const give = () => {
    if (given < names.length) master.give(...names.slice(given, given += batch));
  };
  give();
  give();
  for (let settled = 0, due = batch; settled < tasks;) {
    for (const { nextTookMs } of (await master.hears("answers")).answers) {
      settled += 1 + nextTookMs.length;
    }
    for (; settled >= due; due += batch) give();
  }
  return Number(Deno.readTextFileSync(took));
}

const contestants: [string, (dir: string) => Promise<number>][] = [
  ["uWSGI, Python spooler, 1 process", uwsgi],
  ["Python task worker, 1 process", (dir) => ours(dir, UWSGI_PYTHON)],
];
const rates = new Map<string, number[]>(contestants.map(([name]) => [name, []]));
for (let run = 0; run < runs; run++) {
  for (const [name, drain] of contestants) {
    const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
    try {
      rates.get(name)?.push(tasks / await drain(dir));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }
}
const base = median(rates.get(contestants[0]?.[0] ?? "") ?? []);
printTable([
  ["", "tasks/s", "to uWSGI", "slowest", "fastest"],
  ...contestants.map(([name]) => {
    const own = rates.get(name) ?? [];
    return [
      name,
      whole(median(own)),
      (median(own) / base).toFixed(2),
      whole(Math.min(...own)),
      whole(Math.max(...own)),
    ];
  }),
]);
const puts = new URL("./python_client.py", import.meta.url).pathname;
const tmp = Deno.env.get("TMPDIR") ?? "/tmp";
await new Deno.Command(UWSGI_PYTHON, { args: [puts, tmp, String(tasks)] }).spawn().status;
