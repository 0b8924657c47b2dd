/**
 * Whether a job that is due may start: the overlap policies and groups, as one pure decision.
 *
 * | its last run goes on, and overlap is | then                                   |
 * |--------------------------------------|----------------------------------------|
 * | skip                                 | this slot is skipped                   |
 * | allow                                | both run, up to MOST_AT_ONCE           |
 * | queue                                | this slot runs when the last has ended |
 * | replace                              | the last is ended, then this one runs  |
 *
 * In a group a job waits until no other job of the group runs, and `allow` waits for itself, too.
 * One slot of a job waits at most: a later one takes its place.
 *
 * @pure
 */

import type { Overlap } from "./settings.ts";
import { counted } from "../platform/count_text.ts";

/** A job that hangs and may overlap must not fill the machine with itself. */
export const MOST_AT_ONCE = 25;

export interface Occupied {
  /** Runs of the job itself that go on. */
  readonly running: number;
  /** A slot of the job waits already. */
  readonly waiting: boolean;
  /** Another job of its group runs; false for a job without one. */
  readonly groupBusy: boolean;
  readonly inGroup: boolean;
}

export type Admission =
  | { readonly kind: "start" }
  | { readonly kind: "wait" }
  /** Waits, and what runs is ended. */
  | { readonly kind: "replace" }
  | { readonly kind: "skip"; readonly reason: string };

export function admit(overlap: Overlap, occupied: Occupied): Admission {
  const { running, waiting, groupBusy, inGroup } = occupied;
  if (running === 0) {
    if (waiting && overlap === "skip") {
      return { kind: "skip", reason: "its last slot is still waiting" };
    }
    return groupBusy ? { kind: "wait" } : { kind: "start" };
  }
  switch (overlap) {
    case "skip":
      return { kind: "skip", reason: "it is still running" };
    case "queue":
      return { kind: "wait" };
    case "replace":
      return { kind: "replace" };
    case "allow":
      if (inGroup) return { kind: "wait" };
      return running < MOST_AT_ONCE
        ? { kind: "start" }
        : { kind: "skip", reason: `it is running ${counted(running, "time")} already` };
    default:
      return overlap satisfies never;
  }
}
