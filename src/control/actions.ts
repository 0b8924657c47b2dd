/**
 * What an operator may do to a running program, over whichever way: the control socket, HTTP. Each action is
 * logged with who asked for it. Types only.
 */

import type { KillWish } from "../exec/kill_order.ts";
import type { KillResult } from "../queue/kill_result.ts";
import type { SentId } from "../spool/accepted_ids.ts";
import type { TaskPlace } from "../spool/inspected.ts";
import type { TaskRef } from "../spool/layout.ts";
import type { Changed } from "../spool/task.ts";
import type { Var } from "../wire/packet.ts";
import type { RefusalKind } from "../wire/refusal.ts";

/** A task of a spool. */
export interface TaskAt {
  /** The spool's name or directory. */
  readonly spool: string;
  /** `NAME`, or `<digits>/NAME`. */
  readonly id: string;
}

export interface PlacedTaskAt extends TaskAt {
  readonly place: TaskPlace;
}

export type Turned = "changed" | "unchanged" | "unknown";

export type RunJobResult =
  | { readonly kind: "started" }
  /** It starts when what runs of it, or of its group, has ended. */
  | { readonly kind: "waits" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unknown" };

export type PushResult =
  /** It is safe there. */
  | {
    readonly kind: "accepted";
    readonly spool: string;
    /** Its name is not known any more where it was accepted long ago. */
    readonly task: TaskRef | null;
    /** It was accepted before: nothing was added. */
    readonly isRepeated: boolean;
  }
  | {
    readonly kind: "refused";
    readonly reason: string;
    readonly refusal: RefusalKind;
    /** The same task may be accepted later. */
    readonly isTemporary: boolean;
  };

/** A task that somebody adds. `spooler`, `at` and `priority` among the vars are what they are in a packet. */
export interface TaskToAdd {
  readonly vars: readonly Var[];
  /** Takes the place of a var `body`. */
  readonly body?: Uint8Array;
  /** With this id it is added once, however often it is sent. */
  readonly sent?: SentId;
}

/** `by` is who asks, for the log: `root`, `alice over HTTP from 10.0.0.7`. */
export interface Actions {
  /** Ends the run of a task; resolves when it is over and what became of it is on disk. */
  kill(by: string, task: TaskAt, wish: KillWish): Promise<KillResult>;
  /**
   * Ends what runs of a job, without its retries and its on-failure; `retry` starts it again at once, and
   * `remove` is refused.
   */
  killJob(by: string, job: string, wish: KillWish): Promise<KillResult>;
  /** A failed or deferred task is ready now. */
  retry(by: string, task: PlacedTaskAt): Promise<Changed>;
  /** Deletes a task that does not run. */
  remove(by: string, task: PlacedTaskAt): Promise<Changed>;
  /** No task of a spool is started any more. */
  pause(by: string, spool: string): Promise<Turned>;
  resume(by: string, spool: string): Promise<Turned>;
  /** Starts a job as if it were due: its overlap policy holds, its next slots stay as they are. */
  runJob(by: string, job: string): RunJobResult;
  /** Adds a task; resolves when it is safe, or refused. */
  push(by: string, task: TaskToAdd): Promise<PushResult>;
}
