/** An operator ends a run: what is to become of it, as the reason of its abort signal. @pure */

import type { ProcessSignal } from "../platform/signals.ts";
import type { KillFate, Outcome } from "../task/outcome.ts";

export interface KillWish {
  readonly fate: KillFate;
  /** Sent to its process group, SIGKILL later; null ends it as its time limit would. */
  readonly signal: ProcessSignal | null;
}

export class KillOrder implements KillWish {
  readonly fate: KillFate;
  readonly signal: ProcessSignal | null;

  /** @param by who asks, for the log and the record of the task */
  constructor({ fate, signal }: KillWish, readonly by: string) {
    this.fate = fate;
    this.signal = signal;
  }

  get reason(): string {
    return `killed by ${this.by}`;
  }

  /** Of the task, whatever its code made of its end. */
  get outcome(): Outcome {
    return { kind: "killed", fate: this.fate, reason: this.reason };
  }
}

/** Null for a run that goes on, or that ends with the program. */
export function killOrderOf({ reason }: AbortSignal): KillOrder | null {
  return reason instanceof KillOrder ? reason : null;
}

/** Calls `act` when an operator ends a run. @returns ends that */
export function onKill(
  signal: AbortSignal | undefined,
  act: (order: KillOrder) => void,
): () => void {
  if (signal === undefined) return () => {};
  const listener = () => {
    const order = killOrderOf(signal);
    if (order !== null) act(order);
  };
  signal.addEventListener("abort", listener);
  if (signal.aborted) listener();
  return () => signal.removeEventListener("abort", listener);
}
