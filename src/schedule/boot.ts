/** Names the present start of the machine, so that @reboot jobs know whether they have run. */

/**
 * The boot id of Linux, with the start time of process 1: a container that is started again has a
 * new process 1 under the same kernel. Elsewhere each start of the program counts.
 */
export async function bootName(): Promise<string> {
  try {
    const id = await Deno.readTextFile("/proc/sys/kernel/random/boot_id");
    const stat = await Deno.readTextFile("/proc/1/stat");
    return `${id.trim()}/${startTimeIn(stat)}`;
  } catch {
    return `program ${crypto.randomUUID()}`;
  }
}

/** Field 22 of /proc/PID/stat; the second one, the name in parentheses, may hold blanks. */
export function startTimeIn(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
