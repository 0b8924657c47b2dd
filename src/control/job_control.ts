/** The control sockets of programs that have jobs and no spool: in a directory beside the jobs' state. */

import { dirname } from "@std/path";
import type { Clock, Random } from "../platform/clock.ts";
import { ControlSockets } from "../spool/control_sockets.ts";
import { SpoolDirectory } from "../spool/directory.ts";
import type { Platform } from "../spool/platform.ts";

/** What the name of a state file is followed by, in the name of the directory. */
const ENDING = ".control";

export interface JobControl extends Disposable {
  readonly controlSockets: ControlSockets;
}

export interface JobControlOptions extends Platform {
  readonly clock: Clock;
  readonly random: Random;
}

export function openJobControl(statePath: string, options: JobControlOptions): JobControl {
  const around = new SpoolDirectory({ dir: dirname(statePath), fsync: false, ...options });
  const controlSockets = new ControlSockets(around, options.random, statePath + ENDING);
  return { controlSockets, [Symbol.dispose]: () => around.close() };
}
