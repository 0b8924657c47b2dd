/**
 * When a job is due: what every kind of schedule answers, whatever its rhythm.
 *
 * @pure
 */

/** Both clocks, read together. */
export interface Time {
  /** The wall clock, in milliseconds since the epoch. It can be set, and runs through a suspend. */
  readonly wall: number;
  /** Milliseconds that only ever grow. */
  readonly monotonic: number;
}

export type Due =
  | { readonly kind: "no" }
  | {
    readonly kind: "run";
    /** What the job is due for, in milliseconds since the epoch. */
    readonly slot: number;
    /** Earlier slots that went by since the last one and are not made up. */
    readonly missed: number;
  }
  /** Slots went by, and it is too late for all of them. */
  | { readonly kind: "missed"; readonly slot: number; readonly missed: number };

export interface Rhythm {
  /** Whether the last slot is to be remembered over a restart. */
  readonly durable: boolean;
  /** What is due now. Asked again at the same time, nothing is. */
  take(time: Time): Due;
  /** Milliseconds until it is worth asking again; null when nothing will ever be due. */
  wait(time: Time): number | null;
}

export const NOT_DUE: Due = { kind: "no" };
