/**
 * An edge that puts a backlog into a stream of NATS, and a worker that takes tasks out of one, beside the
 * bare client (`bench/cluster_bare.ts`) in the same run, with a file for each task and without, on one
 * server and on three.
 *
 *     deno run -A bench/cluster.ts [--tasks=20000] [--runs=3]
 *
 * Each is a process of its own on an engine of the same version. Published is from the first message to
 * the last, by the clock of the server; consumed is from the first task until the stream is empty.
 */

import { join } from "@std/path";
import { fillSpool } from "../tests/support/fill.ts";
import { NatsCluster } from "../tests/support/nats_cluster.ts";
import { NatsServer } from "../tests/support/nats.ts";
import { closed, linkTo, WISH } from "../tests/support/nats.ts";
import { cpuSeconds } from "../tests/support/cpu.ts";
import { commandLine } from "../tests/support/program.ts";
import { createStream } from "../src/nats/stream.ts";
import type { NatsLink } from "../src/nats/link.ts";
import { WINDOW } from "../src/wire/peer.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 20_000);
const runs = numberArg("runs", 3);
const BARE = new URL("cluster_bare.ts", import.meta.url).pathname;
const POLL_MS = 20;
const STREAM = "bench";

interface Measured {
  /** Tasks a second. */
  readonly rate: number;
  /** Processor time of the processes beside the servers, in microseconds a task. */
  readonly cpuMicros: number;
}

const measuredOf = (tookMs: number, cpuSeconds: number): Measured => ({
  rate: 1000 * tasks / tookMs,
  cpuMicros: 1e6 * cpuSeconds / tasks,
});

async function withLink<T>(address: string, ask: (link: NatsLink) => Promise<T>): Promise<T> {
  const link = await linkTo(address);
  try {
    return await ask(link);
  } finally {
    await closed(link);
  }
}

/** An empty stream of no history. */
async function fresh(address: string, replicas: number): Promise<void> {
  await withLink(address, async (link) => {
    for (const { config: { name } } of await link.manager.streams.list().next()) {
      await link.manager.streams.delete(name);
    }
    await createStream(link, { ...WISH, replicas });
  });
}

async function untilCount(address: string, count: number): Promise<number> {
  return await withLink(address, async (link) => {
    while (true) {
      const { state } = await link.manager.streams.info(STREAM);
      if (state.messages === count) return Date.now();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  });
}

/** Between the first message and the last. */
async function publishedMs(address: string): Promise<number> {
  const { state } = await withLink(address, (link) => link.manager.streams.info(STREAM));
  return Date.parse(state.last_ts) - Date.parse(state.first_ts);
}

/** Numbers that the bare client prints. */
async function bare(...args: readonly (string | number)[]): Promise<number[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", BARE, ...args.map(String)],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n").map(Number);
}

function startProgram(ini: string): Deno.ChildProcess {
  const [file, args] = commandLine(["--ini", ini]);
  return new Deno.Command(file, { args, stdout: "null", stderr: "null" }).spawn();
}

/** The processor time since its first task: to start costs each program something. */
async function stop(child: Deno.ChildProcess, before: number): Promise<number> {
  const cpu = cpuSeconds(child.pid) - before;
  child.kill("SIGTERM");
  await child.status;
  return cpu;
}

async function exists(path: string): Promise<void> {
  while (!await Deno.stat(path).then(() => true, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function publishBare(address: string): Promise<Measured> {
  const [cpu = NaN] = await bare("publish", address, tasks, WINDOW);
  return measuredOf(await publishedMs(address), cpu);
}

async function publishFiles(address: string, dir: string): Promise<Measured> {
  const spool = join(dir, "out");
  fillSpool(spool, tasks);
  const [cpu = NaN] = await bare("publish", address, tasks, WINDOW, spool);
  return measuredOf(await publishedMs(address), cpu);
}

async function publishOurs(address: string, dir: string): Promise<Measured> {
  fillSpool(join(dir, "out"), tasks);
  const ini = join(dir, "edge.ini");
  const lines = [`spooler-forward = out ${address}`, "spooler-quiet = true"];
  await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
  const child = startProgram(ini);
  await withLink(address, async ({ manager }) => {
    while ((await manager.streams.info(STREAM)).state.messages === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  const before = cpuSeconds(child.pid);
  await untilCount(address, tasks);
  const cpu = await stop(child, before);
  return measuredOf(await publishedMs(address), cpu);
}

function consumeBare(address: string): Promise<Measured> {
  return consume(address);
}

async function consumeFiles(address: string): Promise<Measured> {
  // Where a worker has its leases.
  const dir = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "spooler-bench-" });
  try {
    return await consume(address, dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function consume(address: string, ...dir: readonly string[]): Promise<Measured> {
  await bare("publish", address, tasks, WINDOW);
  const consuming = bare("consume", address, tasks, ...dir);
  const endedAt = await untilCount(address, 0);
  const [startedAt = NaN, cpu = NaN] = await consuming;
  return measuredOf(endedAt - startedAt, cpu);
}

async function consumeOurs(address: string, dir: string): Promise<Measured> {
  await bare("publish", address, tasks, WINDOW);
  const ini = join(dir, "worker.ini");
  const first = join(dir, "first");
  const module = `let isFirst = true;
export function noop() {
  if (isFirst) Deno.writeTextFileSync(${JSON.stringify(first)}, String(Date.now()));
  isFirst = false;
}
`;
  await Deno.writeTextFile(join(dir, "tasks.ts"), module);
  const lines = [
    `spooler-stream = ${address},processes=1`,
    "spooler-import = tasks.ts",
    "spooler-quiet = true",
  ];
  await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
  const child = startProgram(ini);
  await exists(first);
  const before = cpuSeconds(child.pid);
  const endedAt = await untilCount(address, 0);
  const cpu = await stop(child, before);
  return measuredOf(endedAt - Number(await Deno.readTextFile(first)), cpu);
}

/** Each three: the bare client, with a file for each task, and this program. */
const CONTESTANTS = [
  ["publish: the bare client", publishBare],
  ["publish: the bare client, from files", publishFiles],
  ["publish: an edge's backlog", publishOurs],
  ["consume: the bare client", consumeBare],
  ["consume: the bare client, with files", consumeFiles],
  ["consume: a worker in TypeScript", consumeOurs],
] as const;

async function measureAll(name: string, address: string, replicas: number): Promise<void> {
  const measured = CONTESTANTS.map((): Measured[] => []);
  for (let run = 0; run < runs; run++) {
    for (const [i, [contestant, measure]] of CONTESTANTS.entries()) {
      await fresh(address, replicas);
      const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
      const result = await measure(address, dir);
      measured[i]?.push(result);
      console.error(`${name}, ${contestant}: ${whole(result.rate)} tasks/s`);
      await Deno.remove(dir, { recursive: true });
    }
  }
  for (const [i, [contestant]] of CONTESTANTS.entries()) {
    const own = measured[i] ?? [];
    const first = i - i % 3;
    const ratiosTo = (other: number) =>
      own.map(({ rate }, run) => rate / (measured[other]?.[run]?.rate ?? NaN));
    const withFiles = ratiosTo(first + 1);
    rows.push([
      `${name}, ${contestant}`,
      whole(median(own.map(({ rate }) => rate))),
      median(ratiosTo(first)).toFixed(2),
      median(withFiles).toFixed(2),
      Math.min(...withFiles).toFixed(2),
      `${median(own.map(({ cpuMicros }) => cpuMicros)).toFixed(0)} µs`,
    ]);
  }
}

const rows = [["", "tasks/s", "to the bare client", "to it with files", "worst", "CPU a task"]];
{
  await using server = await NatsServer.start();
  await measureAll("1 server", server.address(STREAM), 1);
}
{
  await using cluster = await NatsCluster.start();
  await cluster.create("first");
  await measureAll("3 servers", cluster.address(STREAM), 3);
}
printTable(rows);
