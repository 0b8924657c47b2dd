/** What processes hold and use, as /proc says. */

import { quietly, textOf } from "../platform/quietly.ts";

export interface ProcessMemory {
  readonly rssBytes: number;
  readonly vszBytes: number;
}

const NOTHING: ProcessMemory = { rssBytes: 0, vszBytes: 0 };

/** Zeros for a process that is gone, and where there is no /proc. */
export function processMemory(pid: number | null): ProcessMemory {
  const status = pid === null ? undefined : textOf(`/proc/${pid}/status`);
  if (status === undefined) return NOTHING;
  const bytes = (field: string) =>
    1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return { rssBytes: bytes("VmRSS"), vszBytes: bytes("VmSize") };
}

export interface OwnProcess extends ProcessMemory {
  readonly cpuSeconds: number;
  readonly openFiles: number;
  readonly maxFiles: number | null;
}

/** The kernel's ticks in /proc, on every machine that Deno runs on. */
const TICKS = 100;

export function ownProcess(): OwnProcess {
  const stat = textOf("/proc/self/stat") ?? "";
  // proc(5): behind the name, from the state (field 3) on; utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  const limit = /^Max open files\s+(\d+)/m.exec(textOf("/proc/self/limits") ?? "")?.[1];
  return {
    ...processMemory(Deno.pid),
    cpuSeconds: ticks / TICKS,
    openFiles: quietly(() => [...Deno.readDirSync("/proc/self/fd")].length) ?? 0,
    maxFiles: limit === undefined ? null : Number(limit),
  };
}
