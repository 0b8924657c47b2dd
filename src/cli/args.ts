/** The options of a command, read strictly: an unknown one is an error that names it. */

import { parseArgs } from "@std/cli";
import { UsageError } from "./error.ts";
import { optionText, unknownOption } from "./unknown_option.ts";
import { safeText } from "../report/safe_text.ts";

export interface Args<Name extends string, Flag extends string = never> {
  readonly options: Readonly<Partial<Record<Name, string>>>;
  /** The options without a value that were given. */
  readonly flags: ReadonlySet<Flag>;
  readonly words: readonly string[];
}

/**
 * @param command for messages
 * @param names the options that take a value, without their dashes; a name of one letter has one
 * @param flagNames those that take none
 * @throws {UsageError}
 */
export function readArgs<Name extends string, Flag extends string = never>(
  command: string,
  args: readonly string[],
  names: readonly Name[],
  flagNames: readonly Flag[] = [],
): Args<Name, Flag> {
  const parsed = parseArgs(withValues(command, args, names, flagNames), {
    // "_" keeps words such as 007 as they are.
    string: [...names, "_"],
    boolean: [...flagNames],
  });
  const options: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = parsed[name];
    if (typeof value === "string") options[name] = value;
  }
  return {
    options,
    flags: new Set(flagNames.filter((name) => parsed[name] === true)),
    words: parsed._.map(String),
  };
}

/**
 * Each option in one piece with its value, because a value may begin with a dash, and nothing unknown.
 *
 * @throws {UsageError}
 */
function withValues(
  command: string,
  args: readonly string[],
  names: readonly string[],
  flagNames: readonly string[],
): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") return [...pieces, ...args.slice(at)];
    const [, name, given] = /^--?([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (!name) {
      pieces.push(arg);
    } else if (names.includes(name)) {
      const value = given ?? args[++at];
      if (value === undefined) {
        throw new UsageError(`${command}: ${optionText(name)} needs a value`);
      }
      pieces.push(`--${name}=${value}`);
    } else if (flagNames.includes(name)) {
      if (given !== undefined) {
        throw new UsageError(`${command}: --${name} takes no value: "${given}"`);
      }
      pieces.push(`--${name}`);
    } else {
      throw unknownAmong(command, arg.split("=", 1)[0] ?? "", [...names, ...flagNames]);
    }
  }
  return pieces;
}

function unknownAmong(command: string, option: string, known: readonly string[]): UsageError {
  const { message } = unknownOption(command, option, known);
  if (message.includes("did you mean") || known.length === 0) return new UsageError(message);
  return new UsageError(`${message}; ${command} has ${known.map(optionText).join(", ")}`);
}

/**
 * For a command that takes options only.
 *
 * @throws {UsageError} when there is a word
 */
export function noWords(command: string, words: readonly string[]): void {
  const [word] = words;
  if (word === undefined) return;
  const hint = /\.ini(?::[^/]*)?$/.test(word)
    ? `; did you mean --ini ${word}?`
    : word.includes("/")
    ? `; did you mean --dir ${word}?`
    : "";
  throw new UsageError(`${command} takes no argument "${safeText(word)}"${hint}`);
}
