/**
 * Control sockets beside the jobs' state: of programs that have jobs and no spool, and of each `run-job`,
 * which can be asked to end its job and nothing else.
 */

import { ControlSockets } from "../spool/control_sockets.ts";
import { type AroundOptions, directoryAround } from "../spool/around.ts";

/** What the name of a state file is followed by, in the names of the directories. */
const PROGRAMS = ".control";
const FOREGROUND = ".run-job";

export interface JobControl extends Disposable {
  readonly controlSockets: ControlSockets;
}

export function openJobControl(statePath: string, options: AroundOptions): JobControl {
  return openBeside(statePath, PROGRAMS, options);
}

/** Of what `run-job` runs. */
export function openForegroundControl(statePath: string, options: AroundOptions): JobControl {
  return openBeside(statePath, FOREGROUND, options);
}

function openBeside(statePath: string, ending: string, options: AroundOptions): JobControl {
  const around = directoryAround(statePath, options);
  const controlSockets = new ControlSockets(around, options.random, statePath + ending);
  return { controlSockets, [Symbol.dispose]: () => around.close() };
}
