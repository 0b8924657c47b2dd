/** A task as the queue commands show it. Types only. @pure */

import type { Var } from "../wire/packet.ts";
import type { TaskRef } from "./layout.ts";
import type { Attempts, FailedRecord } from "./task.ts";

/** Where a task's file lies: waiting or running, or given up. */
export type TaskPlace = "queue" | "failed";

export interface PlacedTask extends TaskRef {
  readonly place: TaskPlace;
}

/** A task's state with what belongs to it. Times are in milliseconds since the epoch. */
export type ListedState =
  | { readonly kind: "ready"; readonly dueAt: number }
  | { readonly kind: "deferred"; readonly dueAt: number }
  /** Locked by the process that runs it, or by one that still writes it. */
  | { readonly kind: "running" }
  /** The record is null when a person, and not the program, put the file there. */
  | { readonly kind: "failed"; readonly record: FailedRecord | null };

export type ListedStateKind = ListedState["kind"];
export const STATE_KINDS: readonly ListedStateKind[] = ["ready", "deferred", "running", "failed"];

/** What the file holds. */
export type Content =
  | { readonly kind: "task"; readonly vars: readonly Var[]; readonly bodySize: number }
  | { readonly kind: "unreadable"; readonly reason: string };

export interface Inspected extends PlacedTask {
  readonly path: string;
  readonly state: ListedState;
  /** When it was made, as its name says, or else when its file last changed; ms since the epoch. */
  readonly madeAt: number;
  readonly size: number;
  readonly content: Content;
  /** What is known of its failures, in whichever place that is kept. */
  readonly attempts: Attempts | null;
  /** Why the record of its failures cannot be read; null when it can, or when it has none. */
  readonly recordProblem: string | null;
  /** Names of the tasks that it is to start after; none when it may start. */
  readonly waitsFor: readonly string[];
}

/** Which tasks a listing shows. What is not asked for is not read. */
export interface Filter {
  readonly states?: readonly ListedStateKind[];
  /** Made before this, in milliseconds since the epoch. */
  readonly madeBefore?: number;
}
