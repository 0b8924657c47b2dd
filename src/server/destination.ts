/** Which spool a new task goes into. @pure */

import type { ForwardConfig } from "../forward/settings.ts";
import type { SpoolConfig } from "../queue/settings.ts";

/** A spool, and the values of a task's `spooler` that mean it. */
export interface Destination {
  readonly spool: SpoolConfig;
  readonly names: readonly string[];
}

/** Where tasks can go, in the order in which it matters: working spools, then forwards. */
export function destinationsOf(
  { spools, forwards }: {
    readonly spools: readonly SpoolConfig[];
    readonly forwards: readonly ForwardConfig[];
  },
): Destination[] {
  return [
    ...spools.map((spool) => ({ spool, names: [spool.dir] })),
    ...forwards.map(({ spool, targets }) => ({
      spool,
      names: [spool.dir, ...targets.flatMap(({ names }) => names)],
    })),
  ];
}

/**
 * @param spooler the task's key of that name: the directory of a spool, or a target of a forward;
 *   without it the first is meant
 * @returns undefined when no spool has the name, or there is no spool
 */
export function destinationFor<T extends Pick<Destination, "names">>(
  destinations: readonly T[],
  spooler: string | undefined,
): T | undefined {
  return spooler === undefined
    ? destinations[0]
    : destinations.find(({ names }) => names.includes(spooler));
}
