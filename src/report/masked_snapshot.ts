/** What the program is doing, without secrets: commands of jobs, and why something went wrong. @pure */

import type { ProgramSnapshot } from "./snapshot.ts";

/** @param mask takes secrets out of a text */
export function maskedSnapshot(
  snapshot: ProgramSnapshot,
  mask: (text: string) => string,
): ProgramSnapshot {
  const masked = (text: string | null) => text === null ? null : mask(text);
  return {
    ...snapshot,
    jobs: snapshot.jobs.map((job) => ({
      ...job,
      command: mask(job.command),
      lastRun: job.lastRun && { ...job.lastRun, result: masked(job.lastRun.result) },
    })),
    targets: snapshot.targets.map((target) => ({ ...target, reason: masked(target.reason) })),
  };
}
