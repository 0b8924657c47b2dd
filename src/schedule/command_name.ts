/**
 * What people would call a shell command: its script or program, past what stands around it.
 *
 *   cd /srv && ./manage.py clearsessions        manage.py
 *   export A=1; flock -n /tmp/l nice php a.php  a.php
 *   test -x /usr/bin/x && timeout 5m x --all    x
 *
 * @pure
 */

import { simpleCommands } from "../exec/shell_words.ts";
import {
  fileOf,
  isInterpreter,
  isShell,
  scriptOf,
  unwrapped,
  type Words,
} from "../exec/wrappers.ts";

/** They prepare, or ask; the work is done by another command. */
const PREPARES = new Set(
  (": . [ [[ alias cd command declare eval exec export false hash local mkdir pgrep pidof pushd read set " +
    "shift source test trap true ulimit umask unset type which").split(" "),
);
/** They may be all there is to a job, and most often are not. */
const MINOR = new Set(
  ["echo", "printf", "exit", "kill", "cat", "rm", "touch", "date", "logger"],
);
/** Even less. */
const PAUSES = new Set(["sleep", "wait"]);

export interface CommandName {
  /** Letters, digits and `. _ + -`. */
  readonly name: string;
  /** What follows it in the command, in the same letters, which distinguishes commands of one name. */
  readonly args: readonly string[];
}

export function commandName(command: string): CommandName {
  const commands = simpleCommands(command).map(({ words }) => words.map(({ text }) => text));
  const named = commands.map(nameOf).filter((found) => found !== null);
  const work = named.find(({ weight }) => weight === "work") ??
    named.find(({ weight }) => weight === "minor") ??
    named.find(({ weight }) => weight === "pause") ?? named[0];
  if (work === undefined) return { name: "command", args: [] };
  return { name: work.name, args: work.args };
}

/**
 * Names for several commands at once: those that share a name get the first of their arguments in which
 * they differ. What is still the same comes out the same.
 */
export function distinctNames(commands: readonly CommandName[]): string[] {
  const names = commands.map(({ name }) => name);
  for (const name of new Set(names)) {
    const members = names.flatMap((each, index) => each === name ? [index] : []);
    if (members.length < 2) continue;
    const argsOf = (index: number) => commands[index]?.args ?? [];
    const longest = Math.max(...members.map((index) => argsOf(index).length));
    for (let at = 0; at < longest; at++) {
      const values = new Set(members.map((index) => argsOf(index)[at]));
      if (values.size < 2) continue;
      for (const index of members) {
        const arg = argsOf(index)[at];
        if (arg !== undefined) names[index] = `${name}-${arg}`;
      }
      // Those that still share a name may differ in a later argument.
      const rest = members.map((index) => ({
        name: names[index] ?? name,
        args: argsOf(index).slice(at + 1),
      }));
      if (values.size < members.length) {
        const again = distinctNames(rest);
        members.forEach((index, place) => names[index] = again[place] ?? name);
      }
      break;
    }
  }
  return names;
}

interface FoundCommand extends CommandName {
  /** Whether it may be what the line is about. */
  readonly weight: "work" | "minor" | "pause" | "prepares";
}

function weightOf(first: string): FoundCommand["weight"] {
  return PREPARES.has(first)
    ? "prepares"
    : PAUSES.has(first)
    ? "pause"
    : MINOR.has(first)
    ? "minor"
    : "work";
}

function nameOf(words: Words): FoundCommand | null {
  const rest = unwrapped(words);
  const [word = "", ...args] = rest;
  const first = fileOf(word);
  // A pattern of `case` is no program.
  if (/^[\d*?]*$/.test(first)) return null;
  if (!isInterpreter(first)) return found(first, first, args);
  const script = scriptOf(first, args);
  // Code on the line itself says little about it, next to a program.
  if (script === null) return { ...found(first, first, args), weight: "minor" };
  if (isShell(first) && script.isCode) return { ...commandName(script.word), weight: "work" };
  return found(first, fileOf(script.word), script.args);
}

function found(first: string, name: string, args: Words): FoundCommand {
  return {
    weight: weightOf(first),
    name: plain(name) || plain(first) || "command",
    args: args.map((arg) => plain(arg.replace(/^-+/, ""))).filter((arg) => arg !== ""),
  };
}

const LONGEST_WORD = 40;

function plain(word: string): string {
  return word.split("/").filter((part) => part !== "").at(-1)?.replaceAll(/[^\w.+-]+/g, "")
    .slice(0, LONGEST_WORD) ?? "";
}
