/** What the program is run with. Types only. */

import type { Config } from "../config/config.ts";
import type { Actions } from "../control/actions.ts";
import type { Notifier } from "../daemon/notify.ts";
import type { Posix } from "../platform/posix.ts";
import type { Signals } from "../platform/signals.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import type { DrainOptions } from "./drain.ts";
import type { Machine } from "./machine.ts";

export interface AppOptions {
  readonly machine: Machine;
  readonly signals: Signals;
  /** Reads the configuration again; null, and a line in the log, when it is wrong. */
  reread(): Promise<Config | null>;
  /** Called with each configuration that takes over. */
  applied(config: Config): void;
  /** Opens the files of the log anew. */
  reopenLog(): void;
  /**
   * Called when the first life has begun.
   *
   * @param snapshot says what the program is doing then
   * @param actions what may be asked of it
   */
  ready(snapshot: () => Promise<ProgramSnapshot>, actions: Actions): void;
  readonly posix: Posix | null;
  readonly notifier: Notifier;
  /** Absent is a program that runs until it is stopped. */
  readonly drain?: DrainOptions;
}
