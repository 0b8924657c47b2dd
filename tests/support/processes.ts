/** What becomes of processes that others started. */

import { quietly, textOf } from "../../src/platform/quietly.ts";

/** How a test makes a command wait until it says go on: the command reads from a pipe with a name. */
export async function makeGate(path: string): Promise<{ open(): Promise<void> }> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  if (!success) throw new Error(`cannot make ${path}`);
  return { open: () => Deno.writeTextFile(path, "go\n") };
}

/**
 * Whether a process still does something. One that has ended stays in the table of processes until
 * its parent asks for it, and not every container has a first process that does.
 */
export function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // Behind the name, which may hold anything; proc(5).
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

export function childrenOf(pid: number): number[] {
  const threads = quietly(() => [...Deno.readDirSync(`/proc/${pid}/task`)]) ?? [];
  return threads.flatMap(({ name }) =>
    (textOf(`/proc/${pid}/task/${name}/children`) ?? "").split(" ").filter(Boolean).map(Number)
  );
}

/** Its children and theirs, the deepest first. */
export function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [...descendants(child), child]);
}
