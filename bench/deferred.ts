/**
 * A spool with many deferred tasks: what the program costs while it waits, and how late those start
 * that become due, and those that are renamed into the directory.
 *
 *     deno run -A bench/deferred.ts [--tasks=100000] [--due=50] [--seconds=20]
 *
 * `tasks` are due in a day. `due` more are due one after the other, a fifth of a second apart. The
 * handler does nothing, so that the lateness is the program's. TMPDIR says which file system is used.
 */

import { pause } from "../tests/support/until.ts";
import { join } from "@std/path";
import { startDispatcher, succeeding } from "../tests/support/dispatcher.ts";
import { fillSpool } from "../tests/support/fill.ts";
import { openStore } from "../tests/support/store.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 100_000);
const due = numberArg("due", 50);
const seconds = numberArg("seconds", 20);

const DAY_SECONDS = 86_400;
const APART_MS = 200;
/** So that the first is due after the last was put. */
const LEAD_MS = 3000;

/** User and system time of this process, in milliseconds (proc(5), ticks of 10 ms). */
function cpuMs(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

const dir = await Deno.makeTempDir({ prefix: "spooler-bench-" });
try {
  const spool = join(dir, "spool");
  const far = Date.now() / 1000 + DAY_SECONDS;
  for (const name of fillSpool(spool, tasks)) Deno.utimeSync(join(spool, name), far, far);

  const dueAt = new Map<string, number>();
  const lateMs: number[] = [];
  const executor = succeeding(({ task }) => {
    lateMs.push(Date.now() - (dueAt.get(task.name) ?? NaN));
  });
  const beforeScan = cpuMs();
  const startedAt = performance.now();
  // No scan but the first.
  const dispatcher = await startDispatcher(spool, [executor], { frequencyMs: 3_600_000 });
  const scan = [performance.now() - startedAt, cpuMs() - beforeScan] as const;
  const beforeIdle = cpuMs();
  await pause(1000 * seconds);
  const idleMs = cpuMs() - beforeIdle;

  const store = await openStore(spool);
  const first = Date.now() + LEAD_MS;
  for (let i = 0; i < due; i++) {
    const at = first + i * APART_MS;
    const { name } = await store.put({ vars: [], at });
    dueAt.set(name, at);
  }
  while (lateMs.length < due) await pause(100);
  const deferredMs = lateMs.splice(0);

  const aside = await openStore(join(dir, "aside"));
  for (let i = 0; i < due; i++) {
    const ref = await aside.put({ vars: [] });
    dueAt.set(ref.name, Date.now());
    Deno.renameSync(aside.pathOf(ref), join(spool, ref.name));
    while (lateMs.length <= i) await pause(1);
  }
  await dispatcher.stop();

  const row = (what: string, late: readonly number[]) => {
    const sorted = late.toSorted((a, b) => a - b);
    const share = (part: number) => `${sorted[Math.ceil(part * late.length) - 1]} ms`;
    return [what, whole(late.length), `${median(sorted).toFixed(0)} ms`, share(0.9), share(1)];
  };
  printTable([
    ["deferred tasks", "first scan", "its CPU time", `CPU time of ${seconds} s idle`],
    [whole(tasks), `${whole(scan[0])} ms`, `${whole(scan[1])} ms`, `${whole(idleMs)} ms`],
  ]);
  console.log();
  printTable([
    ["", "starts", "late by, median", "9 of 10 by", "worst"],
    row("deferred, behind their second", deferredMs),
    row("renamed into the directory", lateMs),
  ]);
} finally {
  await Deno.remove(dir, { recursive: true });
}
