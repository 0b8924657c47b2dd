/**
 * How many tasks a second are acknowledged over TCP, and how long each takes: the real uWSGI and this
 * program side by side in one run, and this program under attack.
 *
 *     deno run -A bench/network.ts [--tasks=4000] [--runs=3] [--compare | --attack] [--attacks=10000]
 *
 * Each run measures every contestant once, with 1, 8 and 64 clients. The clients are one process, the
 * server another. Medians are printed. TMPDIR says which file system is used.
 */

import { measure, type Measured } from "./network_client.ts";
import { type Server, startSpooler, startUwsgi } from "./network_server.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 4000);
const runs = numberArg("runs", 3);
/** Short connections that an attacker makes in a second. */
const attacks = numberArg("attacks", 10_000);
const CLIENTS = [1, 8, 64];
/** Clients that are measured while others attack. */
const VICTIMS = 8;
const PIPELINED = 32;

interface Contestant {
  readonly name: string;
  readonly pipelined: number;
  start(): Promise<Server>;
}

const contestants: Contestant[] = [
  { name: "uWSGI (no sync)", pipelined: 0, start: startUwsgi },
  {
    name: "spooler, spooler-fsync = false",
    pipelined: 0,
    start: () => startSpooler("spooler-fsync = false"),
  },
  { name: "spooler, durable", pipelined: 0, start: () => startSpooler() },
  {
    name: "spooler, kept open, no sync",
    pipelined: PIPELINED,
    start: () => startSpooler("spooler-fsync = false"),
  },
  { name: "spooler, kept open, durable", pipelined: PIPELINED, start: () => startSpooler() },
];

function medianOf(values: readonly Measured[]): Measured {
  const of = (key: keyof Measured) => median(values.map((value) => value[key]));
  return { tasksPerSecond: of("tasksPerSecond"), p50Ms: of("p50Ms"), p99Ms: of("p99Ms") };
}

/** Throughput of every contestant, by name and number of clients. */
async function compare(): Promise<void> {
  const results = new Map<string, Measured[]>();
  const key = (name: string, clients: number) => `${name}/${clients}`;
  for (let run = 0; run < runs; run++) {
    for (const { name, pipelined, start } of contestants) {
      for (const clients of CLIENTS) {
        await using server = await start();
        const { port } = server;
        await measure({ port, clients, tasks: clients * 4, pipelined });
        const measured = await measure({ port, clients, tasks, pipelined });
        const all = results.get(key(name, clients)) ?? [];
        results.set(key(name, clients), [...all, measured]);
      }
    }
  }
  const rows = [["", "clients", "tasks/s", "to uWSGI", "p50 ms", "p99 ms"]];
  for (const clients of CLIENTS) {
    const of = (name: string) => medianOf(results.get(key(name, clients)) ?? []);
    const base = of(contestants[0]?.name ?? "").tasksPerSecond;
    for (const { name } of contestants) {
      const { tasksPerSecond, p50Ms, p99Ms } = of(name);
      rows.push([
        name,
        String(clients),
        whole(tasksPerSecond),
        (tasksPerSecond / base).toFixed(2),
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
      ]);
    }
  }
  printTable(rows);
}

const ATTACKS = {
  idle: "2,000 idle connections",
  drip: "2,000 that send a byte a second",
  flood: "connections that close at once",
  garbage: "connections that send 4 KiB of noise",
};

/** Latency of 8 clients while one kind of attack goes on, each beside its own quiet time. */
async function underAttack(): Promise<void> {
  const rows = [[
    "",
    "quiet p99 ms",
    "p99 ms",
    "ratio",
    "tasks/s",
    "attacks/s",
    "missed/s",
    "memory MiB",
  ]];
  for (const [kind, name] of Object.entries(ATTACKS)) {
    const all: Awaited<ReturnType<typeof attackOnce>>[] = [];
    for (let run = 0; run < runs; run++) all.push(await attackOnce(kind));
    const quiet = medianOf(all.map((each) => each.quiet));
    const attacked = medianOf(all.map((each) => each.attacked));
    rows.push([
      name,
      quiet.p99Ms.toFixed(2),
      attacked.p99Ms.toFixed(2),
      median(all.map((each) => each.attacked.p99Ms / each.quiet.p99Ms)).toFixed(1),
      whole(attacked.tasksPerSecond),
      whole(median(all.map((each) => each.made))),
      whole(median(all.map((each) => each.missed))),
      whole(median(all.map((each) => each.memory))),
    ]);
  }
  printTable(rows);
}

async function attackOnce(kind: string) {
  await using server = await startSpooler("socket-timeout = 4");
  const load = { port: server.port, clients: VICTIMS, tasks: tasks / 2, pipelined: 0 };
  await measure({ ...load, tasks: 100 });
  const quiet = await measure(load);
  const file = new URL("network_attack.ts", import.meta.url).pathname;
  const attacker = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", file, String(server.port), kind, String(attacks)],
    stdout: "piped",
  }).spawn();
  const output = attacker.stdout.getReader();
  await output.read();
  const attacked = await measure(load);
  attacker.kill("SIGTERM");
  const [made = NaN, missed = NaN] = new TextDecoder().decode((await output.read()).value)
    .split(" ").map(Number);
  await attacker.status;
  await output.cancel();
  return { quiet, attacked, made, missed, memory: peakMemoryMiB(server.pid) };
}

function peakMemoryMiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

if (!Deno.args.includes("--attack")) await compare();
if (!Deno.args.includes("--compare")) await underAttack();
