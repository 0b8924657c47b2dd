/**
 * How many tasks a second are acknowledged over a unix socket while they are run, what processor time each
 * takes, and how soon the function of one begins: the real uWSGI and this program side by side in one run,
 * with clients in C that cost little (a C compiler is needed). Behind the numbers come the goals, and how
 * far each is reached.
 *
 *     SPOOLER_EXECUTABLE=dist/spooler deno run -A bench/door.ts [--tasks=10000] [--runs=5] [--clients=N]
 *         [--warm-up=40000] [--on=DIRECTORY,DIRECTORY]
 *
 * Each run measures every program once, with 1, 8 and 64 clients. Medians are printed, and the worst of all
 * runs. The directories of --on, or TMPDIR, say which file systems are used.
 */

import { tempDir } from "../tests/support/temp.ts";
import { bareSyncRate } from "./bare_sync.ts";
import { goalRows, type Measurements, type Row } from "./door_goals.ts";
import { PROGRAMS, start, UWSGI } from "./door_programs.ts";
import { loadGenerator } from "./network_load.ts";
import { median, numberArg, printTable, textArg, whole } from "./table.ts";

const tasks = numberArg("tasks", 10_000);
const runs = numberArg("runs", 5);
const only = numberArg("clients", 0);
const CLIENTS = only === 0 ? [1, 8, 64] : [only];
/**
 * Until both of a program's sides are there, and their code is compiled: behind 3,000 tasks the engine still
 * spends as much on compiling as on them.
 */
const warmUpTasks = numberArg("warm-up", 40_000);
/** Tasks of each run that say how soon they begin, into an idle queue, and how far they are apart. */
const TIMED_TASKS = 100;
const TIMED_APART_MS = 10;
const SYNC_SECONDS = 0.5;

async function measureAll(): Promise<Measurements> {
  await using temp = await tempDir();
  const load = await loadGenerator(temp.path);
  const measured: Measurements = { rows: new Map(), delays: new Map(), syncRates: [] };
  for (let run = 0; run < runs; run++) {
    measured.syncRates.push(bareSyncRate(temp.path, SYNC_SECONDS));
    for (const program of PROGRAMS) {
      const { name, pipelined } = program;
      await using server = await start(program);
      const { path } = server;
      await load.measure({ path, clients: 8, tasks: warmUpTasks, pipelined });
      for (const clients of CLIENTS) {
        const before = server.cpuMs();
        const { tasksPerSecond, p50Ms, p99Ms } = await load.measure({
          ...{ path, clients, tasks, pipelined },
        });
        const after = server.cpuMs();
        const eachUs = (part: "own" | "all") => (after[part] - before[part]) / tasks * 1000;
        const row = { tasksPerSecond, p50Ms, p99Ms, cpuUs: eachUs("all"), ownUs: eachUs("own") };
        const key = `${name}/${clients}`;
        measured.rows.set(key, [...measured.rows.get(key) ?? [], row]);
      }
      if (pipelined > 0) continue;
      await server.drained();
      await load.measure({
        ...{ path, clients: 1, tasks: TIMED_TASKS, pipelined, apartMs: TIMED_APART_MS },
      });
      const delays = await server.delays(TIMED_TASKS);
      measured.delays.set(name, [...measured.delays.get(name) ?? [], delays]);
    }
  }
  return measured;
}

function printRates({ rows: results }: Measurements): void {
  const heading = ["tasks/s", "to uWSGI", "worst", "p50 ms", "p99 ms", "CPU µs", "without workers"];
  const rows = [["", "clients", ...heading]];
  for (const clients of CLIENTS) {
    const of = (name: string) => results.get(`${name}/${clients}`) ?? [];
    const bases = of(UWSGI).map(({ tasksPerSecond }) => tasksPerSecond);
    for (const { name } of PROGRAMS) {
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
        middle("cpuUs").toFixed(1),
        name === UWSGI ? "–" : middle("ownUs").toFixed(1),
      ]);
    }
  }
  printTable(rows);
}

for (const dir of textArg("on").split(",")) {
  if (dir !== "") {
    Deno.env.set("TMPDIR", dir);
    console.log(`\n${dir}:\n`);
  }
  const measured = await measureAll();
  printRates(measured);
  // A part of the numbers says nothing about the goals.
  if (only !== 0) continue;
  console.log();
  printTable(goalRows(measured));
}
