/** The processor time of processes. */

import { descendants } from "./processes.ts";
import { textOf } from "../../src/platform/quietly.ts";

/** Of the kernel's counters in /proc; sysconf(3). */
const TICKS_PER_SECOND = 100;

/** Seconds that a process and those below it have used so far. */
export function cpuSeconds(pid: number): number {
  const ticks = [pid, ...descendants(pid)].map((each) => {
    const stat = textOf(`/proc/${each}/stat`) ?? "";
    // Behind the name, which may hold anything; utime and stime are the 14th and 15th, proc(5).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}
