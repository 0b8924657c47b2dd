/** Which spool a new task goes into. */

import type { Config, SpoolConfig } from "./config.ts";

/**
 * @param spooler the task's key of that name: the directory of a spool, or a target of a forward
 * @returns without a name the first spool, or where there is none the first forward; undefined when
 *   the name is none of ours, or there is nothing at all
 */
export function destinationOf(
  { spools, forwards }: Pick<Config, "spools" | "forwards">,
  spooler: string | undefined,
): SpoolConfig | undefined {
  const all = [...spools, ...forwards.map(({ spool }) => spool)];
  if (spooler === undefined) return all[0];
  return all.find(({ dir }) => dir === spooler) ??
    forwards.find(({ targets }) => targets.some(({ names }) => names.includes(spooler)))?.spool;
}
