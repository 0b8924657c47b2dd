/** Waits that a signal cuts short. A signal may live as long as the program: nothing of them stays with it. */

import type { Clock } from "./clock.ts";

/** Resolves after `delayMs`, or when one of the signals is aborted. */
export async function pauseOrAbort(
  clock: Clock,
  delayMs: number,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> {
  const elapsed = Promise.withResolvers<void>();
  const cancel = clock.after(delayMs, elapsed.resolve);
  await doneOrAborted(elapsed.promise, ...signals);
  cancel();
}

/** Resolves with the promise, or when one of the signals is aborted; rejects as the promise does. */
export async function doneOrAborted(
  done: Promise<void>,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  for (const signal of signals) signal?.addEventListener("abort", wake);
  if (signals.some((signal) => signal?.aborted)) wake();
  try {
    await Promise.race([done, promise]);
  } finally {
    for (const signal of signals) signal?.removeEventListener("abort", wake);
  }
}
