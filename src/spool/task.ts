/** A spooled task at each stage of its life, as the store takes and gives it. Types only. @pure */

import type { Var } from "../wire/packet.ts";
import type { Unclaimed } from "./claim.ts";
import type { TaskRef } from "./layout.ts";

/** A task as a scan found it. */
export interface SeenTask extends TaskRef {
  /** Its mtime: not to run before, in milliseconds since the epoch. */
  readonly dueAt: number;
}

/** What is known of a task's earlier, failed runs. */
export interface Attempts {
  /** Runs that failed. */
  readonly failures: number;
  /** Milliseconds since the epoch, as is the next. */
  readonly firstFailureAt: number;
  readonly lastFailureAt: number;
  readonly reason: string;
  /** The end of what the last failed run wrote to stderr. */
  readonly stderr: string;
  /** Runs during which the program itself died; the first is not held against the task. */
  readonly crashes?: number;
  /** Its fate was decided and could not be written to its file. */
  readonly decided?: Decided;
}

/** What is to become of a task without another run. */
export interface Decided {
  readonly fate: "done" | "failed";
  readonly reason: string;
  /** Whose fate it is: a producer may put another task in its place. */
  readonly file: string;
}

/** What `failed/NAME.json` holds. */
export interface FailedRecord {
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly failedAt: number;
  readonly attempts: Attempts | null;
}

/** A claimed task, read and understood. Its file stays locked until it is released. */
export interface ClaimedTask extends TaskRef {
  readonly kind: "claimed";
  readonly path: string;
  readonly vars: readonly Var[];
  readonly bodySize: number;
  /** Reads the body from `offset` on; fewer bytes only at its end. */
  readBody(into: Uint8Array<ArrayBuffer>, offset: number): number;
  /** Its mtime: since when it could run, in milliseconds since the epoch. */
  readonly dueAt: number;
  readonly attempts: Attempts | null;
  /** The program that ran it last died meanwhile. */
  readonly crashed: boolean;
  /** Lets go of the lock; the task stays in whatever state it then has. */
  release(): void;
}

/** What a claim of a task can come to. */
export type Claimed =
  | ClaimedTask
  | Unclaimed
  /** Half-written, perhaps: too short for what its header says. Left alone. */
  | { readonly kind: "incomplete"; readonly reason: string }
  /** It was done before, which could not be written then, and is gone now. */
  | { readonly kind: "finished" }
  /** Not a task at all, or one that was given up before; it was moved to failed/. */
  | { readonly kind: "damaged"; readonly reason: string };

/** What came of an operator's command for one task. */
export type Changed =
  | { readonly kind: "changed"; readonly was: "ready" | "deferred" | "failed" }
  /** It is already as asked. */
  | { readonly kind: "unchanged" }
  /** Another process runs it, or writes it: it was left alone. */
  | { readonly kind: "running" }
  | { readonly kind: "gone" }
  | { readonly kind: "refused"; readonly reason: string };
