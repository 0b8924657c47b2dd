/** What becomes of a task after a run; src/queue/settle.ts decides. @pure */

/** The state a task goes to. */
export type Fate =
  | { readonly kind: "done" }
  /** `dueAt` is in milliseconds since the epoch. */
  | {
    readonly kind: "deferred";
    readonly dueAt: number;
    readonly reason: string;
    /** It has not failed: it asked to run again. */
    readonly asked?: true;
  }
  /** Kept in failed/. An operator may have ended its run: that is no failure of its own. */
  | { readonly kind: "failed"; readonly reason: string; readonly killed?: true }
  /** An operator has ended its run and does not want it any more. */
  | { readonly kind: "removed"; readonly reason: string }
  /**
   * Its file stays as it is, for other programs to run; this one tries again at `dueAt`, in milliseconds
   * since the epoch.
   */
  | { readonly kind: "postponed"; readonly dueAt: number; readonly reason: string }
  /** Stays as it is, ready. */
  | { readonly kind: "ready"; readonly reason: string };

/** Whether the run has failed by itself: it neither asked to run again, nor did an operator end it. */
export function hasFailed(fate: Fate): boolean {
  return fate.kind === "failed" && !fate.killed || fate.kind === "deferred" && !fate.asked;
}
