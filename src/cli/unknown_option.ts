/** What to say of an option that a command does not have: which command has it, or what was meant. */

import { nearest } from "../config/suggest.ts";
import { safeText } from "../report/safe_text.ts";
import { UsageError } from "./error.ts";
import { MANUALS } from "./manual.ts";

/** Of all commands: the options that their manuals have, without dashes. */
function optionsByCommand(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(MANUALS).map(([command, { options }]) => [
      command,
      options.flatMap(([text]) =>
        [...text.matchAll(/--([a-z][a-z-]*)/g)].map(([, name = ""]) => name)
      ),
    ]),
  );
}

/** @param option as it was written */
export function unknownOption(
  command: string,
  option: string,
  known: readonly string[],
): UsageError {
  const name = option.replace(/^-+/, "");
  const near = nearest(name, known, 1);
  const hint = near === undefined ? elsewhere(name) : `did you mean ${optionText(near)}?`;
  return new UsageError(
    [`${command} has no option ${safeText(option)}`, hint].filter((part) => part !== "").join("; "),
  );
}

/** "" when no command has anything like it. */
function elsewhere(name: string): string {
  const having = [...optionsByCommand()].filter(([, options]) => options.includes(name))
    .map(([command]) => command);
  if (having.length > 0) {
    return `it is an option of ${having.slice(0, 3).join(", ")}${having.length > 3 ? " …" : ""}`;
  }
  for (const [command, options] of optionsByCommand()) {
    const near = nearest(name, options, 1);
    if (near !== undefined) return `did you mean spooler ${command} --${near}?`;
  }
  const command = nearest(name, Object.keys(MANUALS), 1);
  return command === undefined ? "" : `did you mean spooler ${command}?`;
}

export function optionText(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
