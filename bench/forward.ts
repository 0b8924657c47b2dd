/**
 * How fast a backlog is brought to a receiver, compared with how fast that receiver takes tasks at
 * all: the same number of tasks from memory, over as many connections, in the same run.
 *
 *     deno run -A bench/forward.ts [--tasks=100000] [--runs=3]
 *
 * The receiver is this program with a durable spool through which nobody works, a fresh one for each
 * measurement. Medians are printed. TMPDIR says which file system is used, by both sides.
 */

import { join } from "node:path";
import { fillSpool } from "../tests/support/fill.ts";
import { type Forwarded, forwardOnce } from "./forward_once.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 100_000);
const runs = numberArg("runs", 3);
const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** Starts a receiver whose log goes to a file; returns its port. */
async function startReceiver(dir: string): Promise<{ child: Deno.ChildProcess; port: number }> {
  const ini = join(dir, "hub.ini");
  const log = join(dir, "hub.log");
  await Deno.mkdir(join(dir, "in"));
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler-external = in\nsocket = 127.0.0.1:0\n");
  const child = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      'exec "$0" run -A --quiet "$1" --ini "$2" 2>"$3"',
      Deno.execPath(),
      MAIN,
      ini,
      log,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  while (true) {
    const text = await Deno.readTextFile(log).catch(() => "");
    const [, port] = / socket 127\.0\.0\.1:(\d+)/.exec(text) ?? [];
    if (port !== undefined) return { child, port: Number(port) };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function measure(connections: number, source: "memory" | "backlog"): Promise<Forwarded> {
  const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
  const backlogDir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
  try {
    const out = join(backlogDir, "out");
    if (source === "backlog") fillSpool(out, tasks);
    const { child, port } = await startReceiver(dir);
    const from = source === "memory" ? "-" : out;
    const measured = await forwardOnce(String(port), String(tasks), String(connections), from);
    const rate = whole(1000 * tasks / measured.tookMs);
    console.error(`from ${source}, ${connections} connections: ${rate} tasks/s`);
    child.kill("SIGTERM");
    await child.status;
    return measured;
  } finally {
    await Deno.remove(dir, { recursive: true });
    await Deno.remove(backlogDir, { recursive: true });
  }
}

const rows = [["", "tasks/s", "to the receiver's", "slowest", "fastest", "peak memory"]];
for (const connections of [1, 4]) {
  const memory: Forwarded[] = [];
  const backlog: Forwarded[] = [];
  for (let run = 0; run < runs; run++) {
    memory.push(await measure(connections, "memory"));
    backlog.push(await measure(connections, "backlog"));
  }
  const rates = (all: readonly Forwarded[]) => all.map(({ tookMs }) => 1000 * tasks / tookMs);
  const base = median(rates(memory));
  for (const [name, all] of [["from memory", memory], ["from a backlog", backlog]] as const) {
    const own = rates(all);
    const peak = Math.max(...all.map(({ peakMiB }) => peakMiB ?? NaN));
    rows.push([
      `${name}, ${connections} connection${connections === 1 ? "" : "s"}`,
      whole(median(own)),
      (median(own) / base).toFixed(2),
      whole(Math.min(...own)),
      whole(Math.max(...own)),
      `${peak} MiB`,
    ]);
  }
}
printTable(rows);
