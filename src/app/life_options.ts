/** What a life is opened with. Types only. */

import type { Estate } from "./estate.ts";
import type { Machine } from "./machine.ts";

export interface LifeOptions {
  readonly machine: Machine;
  readonly estate: Estate;
  /** Aborted when what runs must end. */
  readonly abort: AbortSignal;
  /** Aborted when the program stops, while it still waits for what runs. */
  readonly stopping: AbortSignal;
  /** Runs tasks alone: no job, and no timer of task code. */
  readonly isDrain?: boolean;
  /** Called when the sockets are open, before anything else is touched. */
  socketsOpen?(): void;
}
