/**
 * Other queues beside this one, all on this machine and one at a time: what they take to put tasks one by
 * one and to drain them with one worker, how soon a task starts, what must run for it, and which
 * acknowledged tasks a SIGKILL of everything leaves. Installs nothing: what is not there is left out.
 *
 *     SPOOLER_EXECUTABLE=dist/spooler deno run -A bench/peers/main.ts [--tasks=20000] [--only=NAME]
 *
 * Packages of Debian: redis-server python3-celery python3-redis python3-rq beanstalkd postgresql
 * uwsgi-plugin-python3 python3-uwsgidecorators nq task-spooler. BullMQ and graphile-worker are taken from the
 * node_modules that PEERS_NODE_MODULES names.
 */

import { join } from "@std/path";
import { textOf } from "../../src/platform/quietly.ts";
import { tempDir } from "../../tests/support/temp.ts";
import { pause, until } from "../../tests/support/until.ts";
import { median, numberArg, printTable, textArg, whole } from "../table.ts";
import { COMMAND_QUEUES, hasCommandQueue, measureCommands } from "./commands.ts";
import { type Figures, LATENCIES, MARKS, survivors } from "./figures.ts";
import { type Peer, PEERS } from "./peers.ts";
import { runIn, Running } from "./programs.ts";

const TASKS = numberArg("tasks", 20_000);
const PATIENCE_MS = 300_000;
/** Before memory is measured. */
const SETTLE_MS = 15_000;

async function measure(peer: Peer): Promise<Figures> {
  await using temp = await tempDir();
  const dir = temp.path;
  const place = {
    dir,
    env: {
      PEERS_DIR: dir,
      PEERS_TASKS: String(TASKS),
      PEERS_DATABASE: `postgres:///postgres?host=${dir}/data&user=postgres`,
    },
  };
  const lines = (name: string) => (textOf(join(dir, name)) ?? "").split("\n").filter(Boolean);
  const last = (name: string) => Number(lines(name).at(-1));
  const put = (kind: string, times: number) => runIn(place, [...peer.put, kind, String(times)]);
  await peer.prepare?.(place);
  const running = new Running(place);
  try {
    await running.keep(peer.stores);
    await put("count", TASKS);
    const putRate = TASKS / last("put");
    await running.keep(peer.works);
    await until(() => lines("last").length > 0, `${peer.name} to drain`, PATIENCE_MS);
    const drainRate = TASKS / (last("last") - last("first"));
    await put("latency", LATENCIES);
    await until(() => lines("latencies").length === LATENCIES, "the last latency", PATIENCE_MS);
    const latenciesMs = lines("latencies").map((seconds) => Number(seconds) * 1000);
    await pause(SETTLE_MS);
    const memory = running.memory();
    const processes = running.pids().length;
    await running.keep(peer.stores);
    await put("mark", MARKS);
    await running.killAll();
    await running.keep(peer.works);
    const survived = await survivors(() => new Set(lines("marks")).size);
    return { name: peer.name, putRate, drainRate, latenciesMs, memory, processes, survived };
  } finally {
    await running.killAll();
  }
}

const only = textArg("only");
const rows = [[
  "",
  "put one by one, a second",
  "drained, a second",
  "starts after, median",
  "worst",
  "memory",
  "processes",
  "after SIGKILL of all",
]];
const show = (figures: Figures) => {
  const { name, putRate, drainRate, latenciesMs, memory, processes, survived } = figures;
  rows.push([
    name,
    whole(putRate),
    drainRate === null ? "–" : whole(drainRate),
    `${median(latenciesMs).toFixed(1)} ms`,
    `${Math.max(...latenciesMs).toFixed(1)} ms`,
    `${whole(memory)} MiB`,
    String(processes),
    `${survived} of ${MARKS}`,
  ]);
};
const left: string[] = [];
for (const peer of PEERS.filter(({ name }) => name.includes(only))) {
  if (!peer.isHere()) left.push(peer.name);
  else {
    console.error(`${peer.name} …`);
    show(await measure(peer));
  }
}
for (const queue of COMMAND_QUEUES.filter(({ name }) => name.includes(only))) {
  if (hasCommandQueue(queue)) show(await measureCommands(queue));
  else left.push(queue.name);
}
printTable(rows);
if (left.length > 0) console.log(`\nnot on this machine: ${left.join("; ")}`);
