/** What comes of a run. @pure */

/** What an operator who ends a run wants to become of it. */
export const KILL_FATES = ["fail", "retry", "remove"] as const;
export type KillFate = typeof KILL_FATES[number];

/** What a handler made of a task. */
export type Outcome =
  | { readonly kind: "done" }
  /** Asked to run again; not a failure. */
  | { readonly kind: "retry"; readonly reason: string }
  /** No handler took it. That is no failure: another program may have one. */
  | { readonly kind: "unhandled"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly stderr: string }
  /** Will not get better by trying again. */
  | { readonly kind: "permanent"; readonly reason: string; readonly stderr: string }
  /** Stopped by us, through no fault of its own. */
  | { readonly kind: "interrupted" }
  /** An operator has ended it: no failure of its own. */
  | { readonly kind: "killed"; readonly fate: KillFate; readonly reason: string }
  /**
   * Nobody could take it, through no fault of its own: it is to be tried when somebody can, or after
   * `retryMs`.
   */
  | { readonly kind: "unavailable"; readonly reason: string; readonly retryMs?: number };
