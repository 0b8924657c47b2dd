/** The control sockets of programs that have jobs and no spool: in a directory beside the jobs' state. */

import { ControlSockets } from "../spool/control_sockets.ts";
import { type AroundOptions, directoryAround } from "../spool/around.ts";

/** What the name of a state file is followed by, in the name of the directory. */
const ENDING = ".control";

export interface JobControl extends Disposable {
  readonly controlSockets: ControlSockets;
}

export function openJobControl(statePath: string, options: AroundOptions): JobControl {
  const around = directoryAround(statePath, options);
  const controlSockets = new ControlSockets(around, options.random, statePath + ENDING);
  return { controlSockets, [Symbol.dispose]: () => around.close() };
}
