/** What becomes of a task after a run. Types only; src/queue/settle.ts decides. @pure */

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
  | { readonly kind: "failed"; readonly reason: string }
  /**
   * Its file stays as it is, for other programs to run; this one tries again at `dueAt`, in milliseconds
   * since the epoch.
   */
  | { readonly kind: "postponed"; readonly dueAt: number; readonly reason: string }
  /** Stays as it is, ready. */
  | { readonly kind: "ready"; readonly reason: string };
