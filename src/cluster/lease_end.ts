/** What becomes of a message, by what the queue has decided about its task. @pure */

import type { Attempts } from "../spool/task.ts";
import type { Fate } from "../task/fate.ts";

/** To be said to the stream. */
export type LeaseEnd =
  | { readonly kind: "done" }
  /** Somebody is to run it when so much time has passed. */
  | { readonly kind: "put-off"; readonly delayMs: number; readonly attempts: Attempts | null }
  | {
    readonly kind: "failed";
    readonly reason: string;
    readonly attempt: number;
    /** Null when it never ran. */
    readonly attempts: Attempts | null;
  };

/** For others to have it now. */
export const AT_ONCE: LeaseEnd = { kind: "put-off", delayMs: 0, attempts: null };

/**
 * @param attempts finds out what is known of its failures, where that is needed: it is in a file
 * @returns null when it runs again here, at once
 */
export function endOf(
  { fate, attempt }: { readonly fate: Fate; readonly attempt: number },
  attempts: () => Attempts | null,
  now: number,
): LeaseEnd | null {
  switch (fate.kind) {
    case "done":
    case "removed":
      return { kind: "done" };
    case "failed":
      return { kind: "failed", reason: fate.reason, attempt, attempts: attempts() };
    case "deferred":
    case "postponed":
      return { kind: "put-off", delayMs: fate.dueAt - now, attempts: attempts() };
    case "ready":
      return null;
    default:
      return fate satisfies never;
  }
}
