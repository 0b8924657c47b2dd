/**
 * Process 1 of a container inherits every orphan there, and has to wait for them when they end; elsewhere
 * `reaper` has the program inherit those of its own tasks. Deno
 * waits for its own children by pid, so what has ended is inspected first and reaped only when it is a
 * stranger.
 */

import { isOwnChild } from "../platform/children.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Posix } from "../platform/posix.ts";
import type { DaemonConfig } from "./settings.ts";

/** An own child that has ended hides the strangers behind it until Deno has waited for it. */
const AGAIN_MS = 100;
/** Signals merge: a child may end without one of its own. */
const REST_MS = 10_000;

/**
 * Reaps strangers until the returned function is called, where there may be any.
 *
 * @param posix null where libc cannot be called
 */
export function reapOrphans(
  { reaps }: Pick<DaemonConfig, "reaps">,
  posix: Posix | null,
  clock: Clock,
): Cancel {
  if (posix === null || !reaps && Deno.pid !== 1) return () => {};
  if (reaps) posix.becomeSubreaper();
  let cancel: Cancel = () => {};
  const reap = () => {
    cancel();
    let pid = posix.peekEnded();
    while (pid !== null && !isOwnChild(pid)) {
      posix.reap(pid);
      pid = posix.peekEnded();
    }
    cancel = clock.after(pid === null ? REST_MS : AGAIN_MS, reap);
  };
  Deno.addSignalListener("SIGCHLD", reap);
  reap();
  return () => {
    Deno.removeSignalListener("SIGCHLD", reap);
    cancel();
  };
}
