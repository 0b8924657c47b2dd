/** Processes that outlive the program which started them, known by a variable of their environment. */

import { textOf } from "./quietly.ts";

export interface Orphan {
  readonly pid: number;
  /** How long it has run. */
  readonly ageMs: number;
}

/** USER_HZ of Linux, for every machine: a second of a process's start time. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat behind the name in brackets, the state first (proc(5)). */
const STATE = 0;
const SESSION = 3;
const START_TIME = 19;

/**
 * The leader of a session that has this variable: what was started in a session of its own, and not
 * what it has left in the background. Null when no process has it, or /proc does not say.
 */
export function findOrphan(variable: string, value: string): Orphan | null {
  const wanted = `\0${variable}=${value}\0`;
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      if (!(pid > 1) || pid === Deno.pid) continue;
      const environment = textOf(`/proc/${pid}/environ`);
      if (environment === undefined || !`\0${environment}`.includes(wanted)) continue;
      const stat = textOf(`/proc/${pid}/stat`);
      const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
      if (Number(fields[SESSION]) !== pid || fields[STATE] === "Z") continue;
      return { pid, ageMs: ageMs(Number(fields[START_TIME])) };
    }
  } catch {
    // Without /proc nobody knows.
  }
  return null;
}

function ageMs(startTicks: number): number {
  const upSeconds = Number(textOf("/proc/uptime")?.split(" ", 1)[0]);
  return Math.max(0, 1000 * (upSeconds - startTicks / TICKS_PER_SECOND));
}
