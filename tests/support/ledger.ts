/**
 * What ran, written by the tasks themselves: each run appends one line to a file that the program under
 * test knows nothing of. Appended with O_APPEND in one write, lines of many processes never mix.
 */

/** The lines so far; a last one without its newline is still being written and does not count. */
export function ledgerLines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** How often each line is there. */
export function countLines(lines: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** Whether a process is still at work in `dir`: one that has it as its working directory. */
export function worksIn(dir: string): boolean {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      if (Deno.readLinkSync(`/proc/${name}/cwd`) === dir) return true;
    } catch {
      // It ended meanwhile, is a zombie, or belongs to somebody else.
    }
  }
  return false;
}
