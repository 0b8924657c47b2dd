/**
 * The name of a job's slot, the same on all machines of a cluster, and how long these know it.
 *
 * @pure
 */

/** @param slot in milliseconds since the epoch */
export function slotId(job: string, slot: number): string {
  return `${job}:${slot}`;
}

/** When the slot of this name was due, in milliseconds since the epoch; NaN when it is no such name. */
export function slotOfId(id: string): number {
  return Number(/:(\d+)$/.exec(id)?.[1] ?? NaN);
}

const DAY_MS = 86_400_000;
/** How long the cluster knows that a slot was taken. */
export const SLOT_REMEMBERED_MS = 8 * DAY_MS;
/** An older slot is not taken: the clocks of two machines are less than a day apart. */
export const OLDEST_SLOT_MS = SLOT_REMEMBERED_MS - DAY_MS;
