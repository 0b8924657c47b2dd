/** The options of an ini on the command lines of `run`, `run-once` and `check`. */

import { parseCommandLine } from "../config/argv.ts";
import { knownNames } from "../config/options.ts";
import { UsageError } from "./error.ts";
import { unknownOption } from "./unknown_option.ts";

/**
 * Names those that there are not.
 *
 * @param own what the command takes besides, for suggestions
 * @throws {UsageError} a line for each of them
 */
export function refuseUnknown(
  command: string,
  args: readonly string[],
  own: readonly string[] = [],
): void {
  const { unknown } = parseCommandLine(args);
  if (unknown.length === 0) return;
  const known = [...own, ...knownNames()];
  const lines = unknown.map((option) => unknownOption(command, option, known).message);
  throw new UsageError(lines.join("\n"));
}
