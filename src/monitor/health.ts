/** Whether the program does its work, for load balancers and containers. @pure */

import type { ProgramSnapshot } from "../report/snapshot.ts";

/** Below this nothing can be accepted any more. */
const NO_ROOM_BYTES = 1024 * 1024;

/** @returns null when all is well, else what is wrong, in one line */
export function ailment({ isStopping, spools }: ProgramSnapshot): string | null {
  if (isStopping) return "the program is stopping";
  for (const { name, counts, freeBytes } of spools) {
    if ((counts?.stuck ?? 0) > 0) return `spool ${name}: what tasks came to cannot be written`;
    if (freeBytes !== null && freeBytes < NO_ROOM_BYTES) return `spool ${name}: its disk is full`;
  }
  return null;
}
