/**
 * A command as handler, `:`, beside what this machine starts and reaps of it by posix_spawn(3), with the same
 * environment: one at a time, and two. Both in turn, so that what disturbs the machine disturbs both.
 *
 *     SPOOLER_EXECUTABLE=dist/spooler deno run -A bench/commands.ts [--commands=1000] [--runs=5] [--processes=N]
 *         [--warm-up=3000]
 *
 * The program is started and has run some before anything is measured. Processor time is that of the program
 * without its commands. TMPDIR says which file system is used.
 */

import { join } from "@std/path";
import { existsSync } from "node:fs";
import { fillSpool } from "../tests/support/fill.ts";
import { commandLine } from "../tests/support/program.ts";
import { tempDir } from "../tests/support/temp.ts";
import { pause, until } from "../tests/support/until.ts";
import { SpawnMemory } from "../src/platform/spawn_memory.ts";
import { openLibrary } from "../src/platform/linux.ts";
import { cpuMs } from "./processes.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const PATIENCE_MS = 120_000;
/** Until the engine has compiled what it runs. */
const warmUp = numberArg("warm-up", 3000);

/** Starts and reaps the command so often, `atOnce` at a time; how many a second. */
export function spawnRate(count: number, atOnce: number): number {
  const library = openLibrary((name) =>
    Deno.dlopen(name, {
      posix_spawn: {
        parameters: ["buffer", "buffer", "pointer", "pointer", "buffer", "buffer"],
        result: "i32",
      },
      waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
      environ: { type: "pointer" },
    })
  );
  if ("unavailable" in library) throw new Error(library.unavailable);
  const { posix_spawn: spawn, waitpid: wait, environ } = library.opened.symbols;
  const { argv, envp } = new SpawnMemory(environ).fill({ args: ["/bin/sh", "-c", ":"], env: {} });
  const file = new TextEncoder().encode("/bin/sh\0");
  const [pid, status] = [new Int32Array(1), new Int32Array(1)];
  const startedAt = performance.now();
  for (let started = 0, reaped = 0; reaped < count;) {
    if (started < count && started - reaped < atOnce) {
      const errno = spawn(pid, file, null, null, argv, envp);
      if (errno !== 0) throw new Error(`posix_spawn: errno ${errno}`);
      started++;
    } else {
      wait(-1, status, 0);
      reaped++;
    }
  }
  const rate = 1000 * count / (performance.now() - startedAt);
  library.opened.close();
  return rate;
}

export interface CommandRate {
  readonly perSecond: number;
  /** Processor time of the program for each, in microseconds. */
  readonly cpuUs: number;
}

/** The program with so many processes, on a spool of its own. */
export async function commandRate(count: number, processes: number): Promise<CommandRate> {
  await using temp = await tempDir();
  const [spool, ini] = [join(temp.path, "spool"), join(temp.path, "site.ini")];
  const lines = ["spooler = spool", "spooler-task = :", "spooler-quiet = true"];
  const all = ["[uwsgi]", ...lines, `spooler-processes = ${processes}`, ""];
  await Deno.writeTextFile(ini, all.join("\n"));
  const names = fillSpool(spool, warmUp + count).toSorted();
  const [file, args] = commandLine(["--ini", ini]);
  const child = new Deno.Command(file, { args, stdout: "null", stderr: "null" }).spawn();
  const left = () => names.filter((name) => existsSync(join(spool, name))).length;
  try {
    await until(() => left() <= count, "the first commands", PATIENCE_MS);
    const [startedAt, cpuBefore, from] = [performance.now(), cpuMs(child.pid), left()];
    // To see that one file is still there disturbs less than to count all of them.
    for (let at = names.length - 1; at >= 0; at--) {
      const path = join(spool, names[at] ?? "");
      while (existsSync(path)) await pause(5);
    }
    const perSecond = 1000 * from / (performance.now() - startedAt);
    return { perSecond, cpuUs: 1000 * (cpuMs(child.pid) - cpuBefore) / from };
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

if (import.meta.main) {
  const commands = numberArg("commands", 1000);
  const runs = numberArg("runs", 5);
  const rows = [["`:` as handler", "by posix_spawn", "handler", "ratio", "worst", "CPU each"]];
  const only = numberArg("processes", 0);
  for (const processes of only === 0 ? [1, 2] : [only]) {
    const spawned: number[] = [];
    const handled: CommandRate[] = [];
    const ratios: number[] = [];
    for (let run = 0; run < runs; run++) {
      const before = spawnRate(commands, processes);
      const rate = await commandRate(commands, processes);
      const bare = (before + spawnRate(commands, processes)) / 2;
      spawned.push(bare);
      handled.push(rate);
      ratios.push(rate.perSecond / bare);
    }
    rows.push([
      `${processes} at a time`,
      whole(median(spawned)),
      whole(median(handled.map(({ perSecond }) => perSecond))),
      median(ratios).toFixed(2),
      Math.min(...ratios).toFixed(2),
      `${whole(median(handled.map(({ cpuUs }) => cpuUs)))} µs`,
    ]);
  }
  printTable(rows);
}
