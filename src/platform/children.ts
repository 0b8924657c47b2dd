/**
 * The processes this program has started and waits for. Who reaps orphans must leave these alone: their
 * ends belong to who waits for them.
 */

const own = new Set<number>();

/** Notes a child until the returned function is called, when it has ended and was waited for. */
export function noteChild(pid: number): () => void {
  own.add(pid);
  return () => void own.delete(pid);
}

export function isOwnChild(pid: number): boolean {
  return own.has(pid);
}
