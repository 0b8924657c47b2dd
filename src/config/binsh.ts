/** `binsh`: the shell of all commands. @pure */

import type { CheckHost } from "./checks.ts";
import type { Given } from "./given.ts";
import { parseWanted } from "./value.ts";

const SHELL = "/bin/sh";

/** As in uWSGI the first that exists, or else /bin/sh. */
export function binshOf(given: Given, { kindOf }: Pick<CheckHost, "kindOf">): string {
  const shells = given.every("binsh", (text, entry) => given.path(parseWanted(text), entry));
  const shell = shells.find((path) => kindOf(path) === "file");
  const entry = given.entriesOf("binsh").at(-1);
  if (shell === undefined && entry !== undefined) {
    given.warning(entry, `names no file, and ${SHELL} runs all commands`);
  }
  return shell ?? SHELL;
}
