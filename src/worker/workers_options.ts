/** What the workers of a program are made with, for each spool. Types only. */

import type { Executor } from "../exec/executor.ts";
import type { Clock } from "../platform/clock.ts";
import type { Handout, HandoutParts } from "../queue/dispatcher.ts";
import type { Frequency } from "../queue/frequency.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import type { Tasks } from "../queue/tasks.ts";
import type { DebugOf } from "../report/debug.ts";
import type { Emit } from "../report/event.ts";
import type { Account } from "../schedule/account.ts";
import type { Claims } from "../spool/claim.ts";
import type { Store } from "../spool/store.ts";
import type { NewTask } from "../task/new_task.ts";
import type { WorkersConfig } from "./settings.ts";

export interface WorkersOptions {
  readonly config: WorkersConfig;
  /** The machine's locks. */
  readonly claims: Claims;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Aborted when what runs must be broken off. */
  readonly abort: AbortSignal;
  /** Aborted when the program stops, while it still waits for what runs. */
  readonly stopping?: AbortSignal;
  /** Spools in the order in which their workers are asked to handle a signal. */
  readonly owners: readonly string[];
  /** Who runs task code, when that is not this user. */
  readonly account?: Account;
  /** Puts a task into the spool that it names, or into the first. */
  put(task: NewTask, spooler: string | undefined): Promise<string>;
}

/** A spool for which workers are wanted. */
export interface WorkedSpool {
  /** Names it in the log. */
  readonly name: string;
  readonly config: SpoolConfig;
  readonly store: Store;
  readonly tasks: Tasks;
  /** Its code may change it. */
  readonly frequency: Frequency;
  readonly debugOf?: DebugOf;
  /** Takes what its tasks do and print; absent is where all events go. */
  readonly emit?: Emit;
  /** A history keeps what its tasks print. */
  readonly keepsOutput?: boolean;
}

/** The workers of one spool. */
export interface SpoolWorkers {
  /** In the order in which they are asked. */
  readonly handlers: readonly Executor[];
  /** Makes what hands tasks to the first of them, unread; null when there are none. */
  readonly handout: ((parts: HandoutParts) => Handout) | null;
}
