/**
 * A task that is a command of its own: `spooler push -- COMMAND ARG…`. It runs where the ini says
 * `spooler-shell = true`, and is never taken from a socket.
 *
 * @pure
 */

import { shellWord } from "../platform/shell_word.ts";
import { textVar, type Var } from "../wire/packet.ts";

/** The function of such tasks. */
export const SHELL_FUNCTION = "spooler-shell";

/** What runs them: their command, quoted for the shell when it was pushed, in the directory of the push. */
export const SHELL_COMMAND = 'cd -- "${SPOOL_CWD:-.}" && eval "exec $SPOOL_COMMAND"';

/** @param cwd where the command is to run */
export function shellVars(command: readonly string[], cwd: string): Var[] {
  return [
    textVar("ud_spool_func", SHELL_FUNCTION),
    textVar("command", command.map(shellWord).join(" ")),
    textVar("cwd", cwd),
  ];
}
