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

/** Task code that a job runs waits while all workers are busy. */
const NOT_BEGUN = "its last slot still waits for a free worker";

export interface Occupied {
  /** Runs of the job itself that go on, those that wait for a worker among them. */
  readonly running: number;
  /** How many of these have begun. */
  readonly begun: number;
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
  const { running, begun, waiting, groupBusy, inGroup } = occupied;
  if (running === 0) {
    if (waiting && overlap === "skip") {
      return { kind: "skip", reason: "its last slot is still waiting" };
    }
    return groupBusy ? { kind: "wait" } : { kind: "start" };
  }
  switch (overlap) {
    case "skip":
      return { kind: "skip", reason: begun > 0 ? "it is still running" : NOT_BEGUN };
    case "queue":
      return { kind: "wait" };
    case "replace":
      return { kind: "replace" };
    case "allow":
      if (inGroup) return { kind: "wait" };
      return running < MOST_AT_ONCE
        ? { kind: "start" }
        : { kind: "skip", reason: fullText(begun, running - begun) };
    default:
      return overlap satisfies never;
  }
}

function fullText(begun: number, unbegun: number): string {
  if (unbegun === 0) return `it is running ${counted(begun, "time")} already`;
  if (begun === 0) return `${counted(unbegun, "slot")} of it already wait for a free worker`;
  return `it is running ${
    counted(begun, "time")
  } already, and ${unbegun} more wait for a free worker`;
}
