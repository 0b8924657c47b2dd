/**
 * How many tasks a second are acknowledged over a unix socket while they are run: the real uWSGI and this
 * program side by side in one run, with clients in C that cost little (a C compiler is needed).
 *
 *     TMPDIR=… SPOOLER_EXECUTABLE=dist/spooler deno run -A bench/door.ts [--tasks=10000] [--runs=5] [--clients=N]
 *
 * Each run measures every contestant once, with 1, 8 and 64 clients. Medians are printed, and the worst
 * ratio of all runs. TMPDIR says which file system is used.
 */

import { join } from "@std/path";
import { commandLine } from "../tests/support/program.ts";
import { tempDir } from "../tests/support/temp.ts";
import { type FastMeasured, loadGenerator } from "./network_load.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 10_000);
const runs = numberArg("runs", 5);
const only = numberArg("clients", 0);
const CLIENTS = only === 0 ? [1, 8, 64] : [only];
const PIPELINED = 32;
/**
 * Until both of a program's sides are there, and their code is compiled: behind 3,000 tasks the engine still
 * spends as much on compiling as on them.
 */
const WARM_UP_TASKS = 40_000;
const PATIENCE_MS = 20_000;

interface DrainingServer extends AsyncDisposable {
  readonly path: string;
  /** Processor time of the whole program so far, its children included. */
  cpuMs(): number;
}

interface FastContestant {
  readonly name: string;
  readonly pipelined: number;
  readonly command: (dir: string) => readonly [file: string, args: readonly string[]];
}

/** A function that returns nothing raises an error there, and its task runs again and again. */
const PYTHON = `import uwsgi
from uwsgidecorators import *

@spool
def quick(arguments):
    return uwsgi.SPOOL_OK
`;

const uwsgi: FastContestant["command"] = (dir) => {
  Deno.writeTextFileSync(join(dir, "tasks.py"), PYTHON);
  return ["uwsgi", [
    ...["--plugin", "python3,spooler", "--master", "--die-on-term", "--no-orphans"],
    ...["--processes", "1", "--socket", join(dir, "in.sock"), "--spooler", join(dir, "spool")],
    ...["--spooler-quiet", "--disable-logging", "--listen", "1024"],
    ...["--pythonpath", dir, "--import", "tasks"],
  ]];
};

function spooler(...lines: readonly string[]): FastContestant["command"] {
  return (dir) => {
    const ini = join(dir, "site.ini");
    Deno.writeTextFileSync(join(dir, "tasks.mjs"), "export const quick = () => {};");
    const fixed = ["spooler = spool", "socket = in.sock", "spooler-quiet = true"];
    const all = ["[uwsgi]", ...fixed, "spooler-import = tasks.mjs", ...lines, ""];
    Deno.writeTextFileSync(ini, all.join("\n"));
    return commandLine(["--ini", ini]);
  };
}

const contestants: readonly FastContestant[] = [
  { name: "uWSGI (no sync)", pipelined: 0, command: uwsgi },
  { name: "spooler-fsync = false", pipelined: 0, command: spooler("spooler-fsync = false") },
  { name: "durable", pipelined: 0, command: spooler() },
  { name: "durable, kept open", pipelined: PIPELINED, command: spooler() },
];

async function start(command: FastContestant["command"]): Promise<DrainingServer> {
  const temp = await tempDir();
  await Deno.mkdir(join(temp.path, "spool"));
  const [file, args] = command(temp.path);
  const child = new Deno.Command(file, { args: [...args], stdout: "null", stderr: "null" }).spawn();
  const path = join(temp.path, "in.sock");
  await answers(path);
  return {
    path,
    cpuMs: () => cpuMsBelow(child.pid),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await temp[Symbol.asyncDispose]();
    },
  };
}

async function answers(path: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    try {
      using _connection = await Deno.connect({ transport: "unix", path });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Of a process and those below it; a tick is 10 ms. */
function cpuMsBelow(pid: number): number {
  let sum = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(name) !== pid && Number(fields[1]) !== pid) continue;
      sum += 10 * (Number(fields[11]) + Number(fields[12]));
    } catch {
      // It has ended.
    }
  }
  return sum;
}

interface Row extends FastMeasured {
  readonly cpuUs: number;
}

await using temp = await tempDir();
const load = await loadGenerator(temp.path);
const results = new Map<string, Row[]>();
const keyOf = (name: string, clients: number) => `${name}/${clients}`;
for (let run = 0; run < runs; run++) {
  for (const { name, pipelined, command } of contestants) {
    await using server = await start(command);
    const { path } = server;
    await load.measure({ path, clients: 8, tasks: WARM_UP_TASKS, pipelined });
    for (const clients of CLIENTS) {
      const before = server.cpuMs();
      const measured = await load.measure({ path, clients, tasks, pipelined });
      const row = { ...measured, cpuUs: (server.cpuMs() - before) / tasks * 1000 };
      const key = keyOf(name, clients);
      results.set(key, [...results.get(key) ?? [], row]);
    }
  }
}
const rows = [["", "clients", "tasks/s", "to uWSGI", "worst", "p50 ms", "p99 ms", "CPU µs a task"]];
for (const clients of CLIENTS) {
  const of = (name: string) => results.get(keyOf(name, clients)) ?? [];
  const bases = of(contestants[0]?.name ?? "").map(({ tasksPerSecond }) => tasksPerSecond);
  for (const { name } of contestants) {
    const all = of(name);
    const ratios = all.map(({ tasksPerSecond }, run) => tasksPerSecond / (bases[run] ?? NaN));
    const middle = (key: keyof Row) => median(all.map((row) => row[key]));
    rows.push([
      name,
      String(clients),
      whole(middle("tasksPerSecond")),
      median(ratios).toFixed(2),
      Math.min(...ratios).toFixed(2),
      middle("p50Ms").toFixed(2),
      middle("p99Ms").toFixed(2),
      whole(middle("cpuUs")),
    ]);
  }
}
printTable(rows);
