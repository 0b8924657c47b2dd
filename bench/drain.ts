/**
 * How fast a full spool is drained by tasks that do nothing: the bare file system, uWSGI's Python
 * spooler, and this program, side by side in one run.
 *
 *     deno run -A bench/drain.ts [--tasks=10000] [--commands=500] [--runs=5]
 *
 * Each run measures every contestant once, on files made anew, so that what disturbs the machine
 * disturbs all. Medians are printed. From the start of the first task to the end of the last; the
 * start of a process does not count. TMPDIR says which file system is used.
 */

import { join } from "node:path";
import { fillSpool } from "../tests/support/fill.ts";
import { drainOnce } from "./drain_once.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 10_000);
const commands = numberArg("commands", 500);
const runs = numberArg("runs", 5);

interface Contestant {
  readonly name: string;
  readonly tasks: number;
  /** Drains the spool; returns milliseconds. */
  drain(dir: string, spool: string): Promise<number>;
}

const rawFiles: Contestant = {
  name: "file system: open, read, unlink",
  tasks,
  drain(_dir, spool) {
    const buffer = new Uint8Array(4096);
    const startedAt = performance.now();
    for (const { name } of Deno.readDirSync(spool)) {
      const path = join(spool, name);
      {
        using file = Deno.openSync(path);
        file.readSync(buffer);
      }
      Deno.removeSync(path);
    }
    return Promise.resolve(performance.now() - startedAt);
  },
};

const uwsgi: Contestant = {
  name: "uWSGI, Python spooler, 1 process",
  tasks,
  async drain(dir, spool) {
    const module = join(dir, "module.py");
    // It ends uWSGI itself when all have run, and leaves the time they took.
    Deno.writeTextFileSync(
      module,
      `
import os, signal, time, uwsgi
left = ${tasks}
first = None
def spooler(env):
    global left, first
    if first is None:
        first = time.monotonic()
    left -= 1
    if left == 0:
        with open(${JSON.stringify(join(dir, "took"))}, "w") as out:
            print(time.monotonic() - first, file=out)
        os.kill(os.getppid(), signal.SIGKILL)
    return uwsgi.SPOOL_OK
uwsgi.spooler = spooler
`,
    );
    await new Deno.Command("uwsgi", {
      args: [
        ...["--plugin", "python3", "--master", "--no-orphans", "--spooler-quiet"],
        ...["--socket", join(dir, "own.sock"), "--spooler", spool, "--import", module],
        ...["--spooler-frequency", "1"],
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    return 1000 * Number(Deno.readTextFileSync(join(dir, "took")));
  },
};

function ours(name: string, count: number, handler: string): Contestant {
  return {
    name,
    tasks: count,
    drain: async (_dir, spool) => (await drainOnce(spool, count, handler)).drainMs,
  };
}

function hasUwsgi(): boolean {
  try {
    const args = ["--plugin", "python3", "--version"];
    return new Deno.Command("uwsgi", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const contestants: Contestant[] = [
  rawFiles,
  ...(hasUwsgi() ? [uwsgi] : []),
  ours("spooler, function that does nothing", tasks, "none"),
  ours("spooler, command `:`", commands, ":"),
];
const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
for (let run = 0; run < runs; run++) {
  for (const { name, tasks, drain } of contestants) {
    const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
    try {
      const spool = join(dir, "spool");
      fillSpool(spool, tasks);
      rates.get(name)?.push(1000 * tasks / await drain(dir, spool));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }
}

if (!hasUwsgi()) console.log("uWSGI with its python3 plugin is not installed: left out");
const base = median(rates.get(uwsgi.name) ?? []);
printTable([
  ["", "tasks", "tasks/s", "to uWSGI", "slowest", "fastest"],
  ...contestants.map(({ name, tasks }) => {
    const own = rates.get(name) ?? [];
    const ratio = Number.isNaN(base) ? "" : (median(own) / base).toFixed(2);
    return [
      name,
      whole(tasks),
      whole(median(own)),
      ratio,
      whole(Math.min(...own)),
      whole(Math.max(...own)),
    ];
  }),
]);
