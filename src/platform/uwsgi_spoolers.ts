/**
 * Which uWSGI processes work on a directory. uWSGI's spooler changes into its spool before it scans
 * it (core/spooler.c, spooler_manage_task), so its working directory says so (proc(5)).
 */

/** @returns the process id of one of them for each directory that has any */
export function uwsgiSpoolers(dirs: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  const byPath = new Map(dirs.flatMap((dir) => {
    const path = real(dir);
    return path === null ? [] : [[path, dir] as const];
  }));
  for (const pid of processIds()) {
    const dir = byPath.get(linkOf(`/proc/${pid}/cwd`) ?? "");
    if (dir !== undefined && nameOf(pid).startsWith("uwsgi")) found.set(dir, pid);
  }
  return found;
}

function processIds(): number[] {
  try {
    return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
  } catch {
    // No /proc: nothing is known.
    return [];
  }
}

function real(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    return null;
  }
}

function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // It has ended, or belongs to somebody else.
    return null;
  }
}

function nameOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`);
  } catch {
    return "";
  }
}
