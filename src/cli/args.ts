/** The options of a command, read strictly: an unknown one is an error that names it. */

import { parseArgs } from "node:util";
import { UsageError } from "./error.ts";
import { reasonOf } from "../platform/reason.ts";

export interface Args<Name extends string, Flag extends string = never> {
  readonly options: Readonly<Partial<Record<Name, string>>>;
  /** The options without a value that were given. */
  readonly flags: ReadonlySet<Flag>;
  readonly words: readonly string[];
}

/**
 * @param names the options that take a value, without their dashes; a name of one letter has one
 * @param flagNames those that take none
 * @throws {UsageError}
 */
export function readArgs<Name extends string, Flag extends string = never>(
  args: readonly string[],
  names: readonly Name[],
  flagNames: readonly Flag[] = [],
): Args<Name, Flag> {
  try {
    const options = Object.fromEntries([
      ...names.map((name) => [name, { type: "string", ...shortOf(name) }] as const),
      ...flagNames.map((name) => [name, { type: "boolean" }] as const),
    ]);
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
    });
    const given: Readonly<Record<string, unknown>> = values;
    return {
      options: values as Partial<Record<Name, string>>,
      flags: new Set(flagNames.filter((name) => given[name] === true)),
      words: positionals,
    };
  } catch (error) {
    // Node's message ends with advice about positional arguments that nobody asked for.
    throw new UsageError(reasonOf(error).split(". ")[0]?.split("\n")[0] ?? "");
  }
}

function shortOf(name: string): { short?: string } {
  return name.length === 1 ? { short: name } : {};
}
