/**
 * Whether programs that commands name are there, for the account, the directory and the environment
 * that the commands have.
 */

import { join, resolve } from "@std/path";
import { existsSync } from "node:fs";
import type { NamedProgram } from "./named_programs.ts";
import { environment } from "./environment.ts";
import { type RunAs, startAs } from "./process.ts";

/** How commands are run, as far as it decides what they find. */
export interface CommandPlace {
  /** The shell. */
  readonly binsh: string;
  readonly cwd: string;
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** The program's own account when absent. */
  readonly account?: RunAs;
}

/** Their `command -v` knows what they have built in. */
const SHELL = /\/(?:ba|da|a|k|z)?sh$/;

/** In every shell (POSIX, "Special Built-In Utilities"). */
const BUILT_IN: readonly string[] = [
  ...[".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return"],
  ...["set", "shift", "times", "trap", "unset"],
];

/**
 * One line a probe, whose first letter says what it is: `/` is a path, `:` a name on PATH for a
 * shell, `=` the same for env(1), `@` a directory, and `.` a file that is read. The first letter of the
 * answer: y is there, n is not, d is a directory, x may not be run.
 */
const SCRIPT = `for probe do
  word=\${probe#?}
  case $probe in
    @*) [ -d "$word" ] && echo y || echo n ;;
    .*) [ -e "$word" ] && echo y || echo n ;;
    /*) if [ -d "$word" ]; then echo d; elif [ ! -e "$word" ]; then echo n
        elif [ ! -x "$word" ]; then echo x; else echo "y$word"; fi ;;
    :*) found=$(command -v "$word") && echo "y$found" || echo n ;;
    *) (IFS=:; for dir in $PATH; do
          [ -x "$dir/$word" ] && [ ! -d "$dir/$word" ] && exit 0; done; exit 1) && echo y || echo n ;;
  esac
done`;

/** @returns for each program what is wrong, for people; null when it is there or nobody can tell */
export async function missingPrograms(
  programs: readonly NamedProgram[],
  place: CommandPlace,
): Promise<(string | null)[]> {
  if (programs.length === 0 || !SHELL.test(place.binsh)) return programs.map(() => null);
  const questions = programs.map((each) => questionOf(each, place.cwd));
  const answers = await ask(questions, place);
  const isOthers = place.account !== undefined;
  const wrong = questions.map((each, index) => faultOf(each, answers[index] ?? "y", isOthers));
  const scripts = answers.map((answer) => /^y(\/.*)$/.exec(answer)?.[1] ?? null);
  const interpreters = await Promise.all(scripts.map((path) => path && interpreterOf(path)));
  const wanted = interpreters.filter((each) => each !== null && each !== "");
  const found = await ask(wanted.map(({ probe }) => probe), place);
  return wrong.map((fault, index) => {
    const interpreter = interpreters[index];
    if (fault !== null || !interpreter) return fault;
    const isThere = found[wanted.indexOf(interpreter)]?.startsWith("y") ?? true;
    const { name, hint } = interpreter;
    return isThere ? null : `${scripts[index]} needs ${name}, which is not there${hint}`;
  });
}

function questionOf({ kind, word, directory }: NamedProgram, cwd: string): string {
  if (kind === "program" && !word.includes("/")) return `:${word}`;
  const path = resolve(cwd, directory, word);
  return kind === "directory" ? `@${path}` : kind === "script" ? `.${path}` : `/${path}`;
}

function faultOf(question: string, answer: string, isOthers: boolean): string | null {
  const word = question.slice(1);
  switch (answer[0]) {
    case "d":
      return `${word} is a directory`;
    case "x":
      return `${word} is not executable`;
    case "n":
      if (question.startsWith(":")) return `${word} is not on PATH`;
      return `${word} is ${isOthers && existsSync(word) ? "out of reach" : "not there"}`;
    default:
      return null;
  }
}

function pathOf({ env }: CommandPlace): string | undefined {
  return env.PATH === undefined ? Deno.env.get("PATH") : env.PATH ?? undefined;
}

/** The answers of the system for this account; a shell is asked only when the files themselves do not say it. */
async function ask(questions: readonly string[], place: CommandPlace): Promise<string[]> {
  const known = place.account === undefined
    ? questions.map((each) => lookFor(each, pathOf(place) ?? ""))
    : questions.map(() => null);
  const open = questions.filter((_, index) => known[index] === null);
  const answers = open.length === 0 ? [] : await askShell(open, place);
  return questions.map((question, index) => known[index] ?? answers[open.indexOf(question)] ?? "y");
}

/** What is certainly there; null for all else. */
function lookFor(question: string, path: string): string | null {
  const word = question.slice(1);
  if (question.startsWith(":") && BUILT_IN.includes(word)) return "y";
  const isPath = question.startsWith("/") || question.startsWith(".") || question.startsWith("@");
  const candidates = isPath
    ? [word]
    : path.split(":").filter((dir) => dir.startsWith("/")).map((dir) => join(dir, word));
  for (const candidate of candidates) {
    try {
      const { isDirectory, mode } = Deno.statSync(candidate);
      if (question.startsWith("@") ? isDirectory : question.startsWith(".")) return "y";
      if (!isDirectory && mayAllRun(mode ?? 0)) return `y${candidate}`;
    } catch {
      // The shell can say more.
    }
  }
  return null;
}

/** Root may run what anybody may. */
function mayAllRun(mode: number): boolean {
  return Deno.uid() === 0 ? (mode & 0o111) !== 0 : (mode & 0o111) === 0o111;
}

async function askShell(questions: readonly string[], place: CommandPlace): Promise<string[]> {
  const { file, ...who } = startAs(place.account, place.binsh, ["-c", SCRIPT, "sh", ...questions]);
  try {
    const { stdout } = await new Deno.Command(file, {
      ...who,
      cwd: place.cwd,
      ...environment(place.env),
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).output();
    const answers = new TextDecoder().decode(stdout).trimEnd().split("\n");
    return answers.length === questions.length ? answers : [];
  } catch (error) {
    // What keeps every command from starting is found by other checks.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return [];
    }
    throw error;
  }
}

interface Interpreter {
  /** For people. */
  readonly name: string;
  readonly probe: string;
  /** Why it may not be there. */
  readonly hint: string;
}

/** Longer first lines are cut by the kernel, too. */
const LINE_MAX = 256;

/** What the first line of a script names; null when it is none, or cannot be read. */
async function interpreterOf(path: string): Promise<Interpreter | null> {
  const line = await firstLine(path).catch(() => null) ?? "";
  // A carriage return belongs to the last word: then there is no such program.
  const [text, end] = line.endsWith("\r") ? [line.slice(0, -1), "\r"] : [line, ""];
  const [, file, argument = ""] = /^#![ \t]*(\/\S+)[ \t]*(.*)$/.exec(text) ?? [];
  if (file === undefined) return null;
  const said = end && "\\r";
  const hint = end && ": its lines end as on Windows";
  if (argument === "") return { name: file + said, probe: `/${file}${end}`, hint };
  const [, wanted] = /^(?:-S[ \t]*)?([\w.+][\w.+-]*)(?:[ \t]|$)/.exec(argument) ?? [];
  const isLast = wanted?.length === argument.length;
  if (!file.endsWith("/env") || wanted === undefined) {
    return { name: file, probe: `/${file}`, hint: "" };
  }
  return isLast
    ? { name: wanted + said, probe: `=${wanted}${end}`, hint }
    : { name: wanted, probe: `=${wanted}`, hint: "" };
}

async function firstLine(path: string): Promise<string | null> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(LINE_MAX);
  const length = await file.read(bytes) ?? 0;
  const [line] = new TextDecoder().decode(bytes.subarray(0, length)).split("\n", 1);
  return line ?? null;
}
