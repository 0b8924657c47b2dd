/**
 * How fast a full spool is drained by tasks that do nothing: the bare file system, uWSGI's Python
 * spooler, and this program with functions in TypeScript and Python, side by side in one run.
 *
 *     deno run -A bench/drain.ts [--tasks=10000] [--commands=500] [--runs=5] [--processes=1] [--only=TEXT]
 *
 * Each run measures every contestant once, on files made anew, so that what disturbs the machine
 * disturbs all. The files rest before: a backlog is no file of this very moment. Medians are printed.
 * From the start of the first task to the end of the last; the start of a process does not count.
 * TMPDIR says which file system is used.
 */

import { join } from "@std/path";
import { setTimeout as delay } from "node:timers/promises";
import { fillSpool } from "../tests/support/fill.ts";
import { drainOnce } from "./drain_once.ts";
import { drainWithOurs, drainWithUwsgi, hasPython, hasUwsgi } from "./programs.ts";
import { drainRawFiles } from "./raw_files.ts";
import { median, numberArg, printTable, textArg, whole } from "./table.ts";

const tasks = numberArg("tasks", 10_000);
const commands = numberArg("commands", 500);
const runs = numberArg("runs", 5);
const processes = numberArg("processes", 1);
const only = new RegExp(textArg("only"));

const REST_MS = 1500;

interface Contestant {
  readonly name: string;
  readonly tasks: number;
  /** Drains the spool; returns milliseconds. */
  drain(dir: string, spool: string): Promise<number>;
}

const rawFiles: Contestant = {
  name: "file system: open, read, unlink",
  tasks,
  drain: (_dir, spool) => Promise.resolve(drainRawFiles(spool)),
};

const uwsgi: Contestant = {
  name: `uWSGI, Python spooler, ${processes} at a time`,
  tasks,
  drain: (dir) => drainWithUwsgi({ dir, processes }),
};

function modules(language: "typescript" | "python", name: string): Contestant {
  return {
    name: `spooler, ${name} function, ${processes} at a time`,
    tasks,
    drain: (dir) => drainWithOurs({ dir, processes }, language),
  };
}

/** With metrics that are read every second, and statistics besides. */
const monitored: Contestant = {
  name: `spooler, TypeScript function, ${processes} at a time, monitored`,
  tasks,
  drain: async (dir) => {
    const lines = ["stats = stats.sock", "http-socket = http.sock"];
    let isOver = false;
    const watching = (async () => {
      for (; !isOver; await delay(1000)) await scrape(dir).catch(() => {});
    })();
    const ms = await drainWithOurs({ dir, processes, lines }, "typescript");
    isOver = true;
    await watching;
    return ms;
  },
};

async function scrape(dir: string): Promise<void> {
  for (const [name, request] of [["stats.sock", ""], ["http.sock", METRICS]] as const) {
    const connection = await Deno.connect({ transport: "unix", path: join(dir, name) });
    if (request !== "") await connection.write(new TextEncoder().encode(request));
    await new Response(connection.readable).arrayBuffer();
  }
}

const METRICS = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

function ours(name: string, count: number, handler: string): Contestant {
  return {
    name,
    tasks: count,
    drain: async (_dir, spool) => (await drainOnce(spool, count, handler)).drainMs,
  };
}

const contestants: Contestant[] = [
  rawFiles,
  ...(hasUwsgi() ? [uwsgi] : []),
  modules("typescript", "TypeScript"),
  monitored,
  ...(hasPython() ? [modules("python", "Python")] : []),
  ours("spooler, function inside the program", tasks, "none"),
  ours("spooler, command `:`", commands, ":"),
].filter(({ name }) => only.test(name));
const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
for (let run = 0; run < runs; run++) {
  for (const { name, tasks, drain } of contestants) {
    const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
    try {
      const spool = join(dir, "spool");
      fillSpool(spool, tasks);
      await delay(REST_MS);
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
