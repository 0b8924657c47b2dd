/**
 * The programs and scripts that a command line is certain to run, as far as its text says: what stands
 * behind a condition, in a loop or in a variable is left out.
 *
 * @pure
 */

import { join } from "@std/path";
import { type ShellWord, type SimpleCommand, simpleCommands } from "./shell_words.ts";
import { fileOf, isInterpreter, isShell, unwrapped } from "./wrappers.ts";

export interface NamedProgram {
  /** `program`: what is started. `script`: a file for an interpreter. `directory`: one for `cd`. */
  readonly kind: "program" | "script" | "directory";
  /** A path, or a name that is looked for on PATH. */
  readonly word: string;
  /** Where a relative path starts, itself perhaps relative to where the command starts. */
  readonly directory: string;
}

/** They change what the words behind them mean, or end the command. */
const UNKNOWN_AFTER = new Set(
  ". source eval alias unalias exit return exec function shopt enable trap".split(" "),
);
/** They ask, most often for the very program that follows. */
const QUESTIONS = new Set(
  "[ [[ test command type which whereis hash ls stat find grep pgrep pidof false dpkg rpm".split(
    " ",
  ),
);
/** They change variables. */
const ASSIGNS = new Set(["export", "readonly", "declare", "typeset", "local"]);
/** Wrappers that find the program as the shell would. */
const PLAIN_WRAPPERS = new Set(
  "chronic chrt cronic env flock ionice nice nohup setsid stdbuf taskset time timeout".split(" "),
);
/** Words of wrappers that change where the program starts or is looked for, or what the words mean. */
const CHANGES: Readonly<Record<string, RegExp>> = {
  env: /^(?:PATH=|-)/,
  flock: /^(?:-c|--command)/,
};
/** Options before a script that take no word. */
const FLAGS: readonly (readonly [interpreter: RegExp, flag: RegExp])[] = [
  [/^(?:python|pypy)/, /^-[uBEOsSIq]+$/],
  [/^php/, /^-[qf]$/],
  [/^(?:ba|da|z|k)?sh$/, /^-[eux]+$/],
];
const OPERATORS = new Set(["", ";", "&&", "||", "|", "&", "\n"]);
const ASSIGNMENT = /^\w+\+?=/;

export function namedPrograms(text: string): NamedProgram[] {
  // The text behind it is no command.
  if (text.includes("<<")) return [];
  return new Reading(simpleCommands(text)).found;
}

class Reading {
  readonly found: NamedProgram[] = [];
  /** Null once it is not known. */
  #directory: string | null = "";
  /** Whether the PATH is still that of the environment. */
  #hasPath = true;

  constructor(commands: readonly SimpleCommand[]) {
    for (const command of commands) {
      if (!OPERATORS.has(command.behind) || command.behind === "||") return;
      if (!this.#read(command)) return;
    }
  }

  /** @returns whether what follows is certain, too */
  #read({ words: all, behind, ahead: next }: SimpleCommand): boolean {
    const begin = all.findIndex(({ text }) => !ASSIGNMENT.test(text));
    const words = begin === -1 ? [] : all.slice(begin);
    const [first, ...args] = words;
    const assignments = ASSIGNS.has(first?.text ?? "") ? all : all.slice(0, begin + 1 || undefined);
    if (assignments.some(({ text }) => /^PATH\+?=/.test(text))) this.#hasPath = false;
    if (first === undefined) return true;
    // A function that is defined here, and what only the shell can tell.
    if (next === "(" || !first.isPlain) return false;
    const name = first.text;
    if (UNKNOWN_AFTER.has(name)) return false;
    if (ASSIGNS.has(name)) return true;
    if (QUESTIONS.has(name)) return next === ";" || next === "\n";
    const isInPipe = behind === "|" || next === "|" || next === "&";
    if (name === "cd") {
      this.#enter(args, next, isInPipe);
      return next !== "||";
    }
    // With a name alone it may be that one of several is wanted.
    if (next === "||" && !name.includes("/")) return false;
    this.#take(words);
    return next !== "||";
  }

  #enter([to, ...more]: readonly ShellWord[], next: string, isInPipe: boolean): void {
    const isKnown = to !== undefined && more.length === 0 && to.isPlain && !to.text.startsWith("-");
    if (!isKnown || isInPipe || this.#directory === null) {
      this.#directory = null;
      return;
    }
    if (next !== "||") this.#add("directory", to);
    // Without CDPATH, which nobody has in a service.
    this.#directory = to.text.startsWith("/") ? to.text : join(this.#directory, to.text);
  }

  #take(words: readonly ShellWord[]): void {
    const [first, ...args] = words;
    if (first === undefined || !first.isPlain) return;
    this.#add("program", first);
    const file = fileOf(first.text);
    if (PLAIN_WRAPPERS.has(file)) return this.#takeWrapped(words);
    if (!isInterpreter(file)) return;
    const flag = FLAGS.find(([interpreter]) => interpreter.test(file))?.[1];
    const script = args.find(({ text }) => !flag?.test(text));
    if (script === undefined) return;
    if (!script.isPlain || !isScript(file, script.text)) return;
    this.#add("script", script);
  }

  #takeWrapped(words: readonly ShellWord[]): void {
    const texts = words.map(({ text }) => text);
    const rest = unwrapped(texts);
    const own = words.slice(0, words.length - rest.length);
    if (own.length === 0 || rest[0] === "sh" && !texts.includes("sh")) return;
    const changes = CHANGES[fileOf(texts[0] ?? "")];
    if (own.some(({ text, isPlain }) => !isPlain || changes?.test(text))) return;
    this.#take(words.slice(own.length));
  }

  #add(kind: NamedProgram["kind"], { text }: ShellWord): void {
    if (/[\n\0]/.test(text) || text === "" || text.startsWith("-")) return;
    const isOnPath = kind === "program" && !text.includes("/");
    if (isOnPath ? !this.#hasPath : this.#directory === null && !text.startsWith("/")) return;
    this.found.push({ kind, word: text, directory: this.#directory ?? "" });
  }
}

/** Python and PHP open the file that is named; others may add to the name, or look elsewhere. */
function isScript(interpreter: string, word: string): boolean {
  if (word.startsWith("-")) return false;
  if (isShell(interpreter)) return word.includes("/");
  if (/^(?:python|pypy|php|perl|ruby)/.test(interpreter)) return true;
  return /^(?:node|nodejs)$/.test(interpreter) && /\.[cm]?js$/.test(word);
}
