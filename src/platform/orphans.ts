/**
 * Processes that outlive the program which started them: known by their number and start time, which
 * everybody may read, or by a variable of their environment, which takes the same user or a capability.
 */

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
      const fields = statOf(pid) ?? [];
      if (Number(fields[SESSION]) !== pid || fields[STATE] === "Z") continue;
      return { pid, ageMs: ageMs(Number(fields[START_TIME])) };
    }
  } catch {
    // Without /proc nobody knows.
  }
  return null;
}

/**
 * What sets a process apart from every other that has had its number or will have: the number, when it
 * started, and since which boot that is counted. Null when it has ended, or /proc does not say.
 */
export function processStamp(pid: number): string | null {
  const startTicks = statOf(pid)?.[START_TIME];
  const boot = textOf("/proc/sys/kernel/random/boot_id")?.trim();
  return startTicks === undefined || boot === undefined ? null : `${pid} ${startTicks} ${boot}`;
}

/** The process of a {@link processStamp}; null when it has ended. */
export function findStamped(stamp: string): Orphan | null {
  const pid = Number(stamp.split(" ", 1)[0]);
  if (!(pid > 1) || processStamp(pid) !== stamp) return null;
  const fields = statOf(pid);
  if (fields === null || fields[STATE] === "Z") return null;
  return { pid, ageMs: ageMs(Number(fields[START_TIME])) };
}

/** Of /proc/PID/stat, the fields behind the name in brackets, which may have any character. */
function statOf(pid: number): readonly string[] | null {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat === undefined ? null : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function ageMs(startTicks: number): number {
  const upSeconds = Number(textOf("/proc/uptime")?.split(" ", 1)[0]);
  return Math.max(0, 1000 * (upSeconds - startTicks / TICKS_PER_SECOND));
}
