/** What may follow on a command line, as the tables of commands and options have it. @pure */

import { knownNames, OPTIONS } from "../config/options.ts";
import { STATE_KINDS } from "../spool/inspected.ts";
import { INIT_LANGUAGES } from "./init_files.ts";
import { MAN_PAGES, MANUALS } from "./manual.ts";

/** What the command line has said so far of where to search. */
export interface NamedSite {
  readonly ini: string | undefined;
  readonly dir: string | undefined;
}

/** What the word that is being typed can become. `typed` is that word. */
export type Completion =
  & { readonly typed: string }
  & (
    | { readonly kind: "words"; readonly words: readonly string[] }
    | { readonly kind: "files" | "directories" }
    | { readonly kind: "tasks"; readonly command: string; readonly where: NamedSite }
    | { readonly kind: "functions"; readonly prefix: string; readonly where: NamedSite }
    | { readonly kind: "jobs"; readonly where: NamedSite }
  );

/** Shells that `spooler completions` has a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type CompletionShell = typeof SHELLS[number];
const SETTINGS = OPTIONS.map(({ name }) => `--${name}`);

/** @param words behind `spooler`; the last one is being typed */
export function completions(words: readonly string[]): Completion {
  const typed = words.at(-1) ?? "";
  const [command = ""] = words;
  const where = { ini: iniOf(words), dir: valueOf(words, "--dir") };
  if (words.length <= 1 && !typed.startsWith("-")) {
    return { kind: "words", typed, words: Object.keys(MANUALS) };
  }
  const before = words.at(-2) ?? "";
  const ofValue = before.startsWith("-") && words.length > 1
    ? valuePlace(command, before, typed, where)
    : null;
  if (ofValue !== null) return ofValue;
  if (typed.startsWith("-")) return { kind: "words", typed, words: optionsOf(command) };
  return argumentPlace(command, typed, where);
}

/** The options of a command, by its manual. */
function optionsOf(command: string): readonly string[] {
  const known = Object.hasOwn(MANUALS, command) ? MANUALS[command] : undefined;
  const own = known?.options.flatMap(([option]) => /^--?[a-z][-a-z]*/.exec(option) ?? []) ?? [];
  const takesSettings = known === undefined || ["run", "run-once", "check"].includes(command);
  return [...own, ...takesSettings ? SETTINGS : [], "--help"];
}

/** The place of an option's value; null when the option has none. */
function valuePlace(
  command: string,
  option: string,
  typed: string,
  where: NamedSite,
): Completion | null {
  const manual = Object.hasOwn(MANUALS, command) ? MANUALS[command] : undefined;
  const row = manual?.options.find(([text]) => text.startsWith(`${option} `));
  const value = row?.[0].slice(option.length + 1);
  switch (value) {
    case "FILE":
      return { kind: "files", typed };
    case "DIR":
      return { kind: "directories", typed };
    case "STATES":
      return { kind: "words", typed, words: [...STATE_KINDS, "done"] };
    case "LANGUAGE":
      return { kind: "words", typed, words: INIT_LANGUAGES };
    case "NAME":
      return option === "--job"
        ? { kind: "jobs", typed, where }
        : { kind: "functions", typed, prefix: "", where };
    case undefined:
      return option === "--ini" ? { kind: "files", typed } : null;
    default:
      return { kind: "words", typed, words: [] };
  }
}

function argumentPlace(command: string, typed: string, where: NamedSite): Completion {
  switch (command) {
    case "show":
    case "log":
    case "retry":
    case "remove":
    case "kill":
    case "wait":
      return { kind: "tasks", typed, command, where };
    case "run-job":
      return { kind: "jobs", typed, where };
    case "push": {
      const prefix = "ud_spool_func=";
      return typed.startsWith(prefix)
        ? { kind: "functions", typed, prefix, where }
        : { kind: "words", typed, words: [prefix] };
    }
    case "help":
      return { kind: "words", typed, words: [...Object.keys(MANUALS), ...knownNames()] };
    case "options":
      return { kind: "words", typed, words: knownNames() };
    case "completions":
      return { kind: "words", typed, words: SHELLS };
    case "stream":
      return { kind: "words", typed, words: ["create", "show"] };
    case "man":
      return { kind: "words", typed, words: Object.keys(MAN_PAGES) };
    case "init":
    case "python-client":
      return { kind: "directories", typed };
    default:
      return { kind: "files", typed };
  }
}

function iniOf(words: readonly string[]): string | undefined {
  return valueOf(words, "--ini") ?? words.slice(0, -1).find((word) => word.endsWith(".ini"));
}

function valueOf(words: readonly string[], option: string): string | undefined {
  const at = words.lastIndexOf(option, -2);
  if (at >= 0) return words[at + 1];
  return words.findLast((word) => word.startsWith(`${option}=`))?.slice(option.length + 1);
}
