/** The options of a command, read strictly: an unknown one is an error that names it. */

import { parseArgs } from "node:util";
import { reasonOf, UsageError } from "./error.ts";

export interface Args<Name extends string> {
  readonly options: Readonly<Partial<Record<Name, string>>>;
  readonly words: readonly string[];
}

/**
 * @param names the options that take a value, without their dashes
 * @throws {UsageError}
 */
export function readArgs<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): Args<Name> {
  try {
    const options = Object.fromEntries(
      names.map((name) => [name, { type: "string" as const }]),
    );
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
    });
    return { options: values as Partial<Record<Name, string>>, words: positionals };
  } catch (error) {
    // Node's message ends with advice about positional arguments that nobody asked for.
    throw new UsageError(reasonOf(error).split(". ")[0]?.split("\n")[0] ?? "");
  }
}
