/** What files this process has open and may have open, as the kernel says in /proc. */

/** Null where the kernel does not say, or there is no limit. */
export function openFilesLimit(): number | null {
  try {
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

/** How many files this process has open; 0 where the kernel does not say. */
export function openFilesCount(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    return 0;
  }
}

/** The sockets this process has open now: the name the kernel has for each, and its descriptor. */
export function openSockets(): Map<string, number> {
  const sockets = new Map<string, number>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const target = linkTarget(`/proc/self/fd/${name}`);
    if (target?.startsWith("socket:")) sockets.set(target, Number(name));
  }
  return sockets;
}

/** Null when it is gone: descriptors come and go. */
function linkTarget(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}
