/**
 * The processes this program has started and waits for. Who reaps orphans must leave these alone: their
 * ends belong to Deno.
 */

const own = new Set<number>();

/** Notes a child until it has ended. Returns it. */
export function ownChild(child: Deno.ChildProcess): Deno.ChildProcess {
  own.add(child.pid);
  child.status.finally(() => own.delete(child.pid)).catch(() => {});
  return child;
}

export function isOwnChild(pid: number): boolean {
  return own.has(pid);
}
