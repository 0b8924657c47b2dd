/** Processor time of processes. */

/** User and system time of a process in ms, without its children's (proc(5), in ticks of 10 ms). */
export function cpuMs(pid: number | "self"): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  return 10 * ((fields[11] ?? 0) + (fields[12] ?? 0));
}
