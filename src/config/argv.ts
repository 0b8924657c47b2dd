/**
 * The command line and the environment as options, in uWSGI's terms: any option of the table, long
 * or short, and files by their bare names.
 *
 * Source: getopt_long as uWSGI calls it (core/init.c, uwsgi_commandline_config; core/uwsgi.c,
 * parse_sys_envs). Long names must be written out.
 *
 * @pure
 */

import { arityOf, findShort, knownNames } from "./options.ts";
import { nearest } from "./suggest.ts";

export interface Argument {
  readonly key: string;
  /** Null for a flag. */
  readonly value: string | null;
}

export interface CommandLine {
  readonly options: readonly Argument[];
  /** What is no option: names of ini files. */
  readonly files: readonly string[];
  /** What cannot be understood, a sentence each. */
  readonly problems: readonly string[];
  /** Options that there are not, as they were written; each is a problem, too. */
  readonly unknown: readonly string[];
}

export function parseCommandLine(args: readonly string[]): CommandLine {
  const options: Argument[] = [];
  const files: string[] = [];
  const problems: string[] = [];
  const unknown: string[] = [];
  let at = 0;
  const withNext = (key: string, name: string) => {
    const value = args[at++];
    if (value === undefined) problems.push(`${name} needs a value`);
    else options.push({ key, value });
  };

  while (at < args.length) {
    const arg = args[at++] ?? "";
    if (arg === "--") {
      files.push(...args.slice(at));
      break;
    }
    if (arg === "-" || !arg.startsWith("-")) files.push(arg);
    else if (arg.startsWith("--")) long(arg);
    else short(arg);
  }
  return { options, files, problems, unknown };

  function long(arg: string): void {
    const equals = arg.indexOf("=");
    const key = equals === -1 ? arg.slice(2) : arg.slice(2, equals);
    const value = equals === -1 ? null : arg.slice(equals + 1);
    const arity = arityOf(key);
    if (arity === undefined) {
      const near = nearest(key, knownNames());
      unknown.push(`--${key}`);
      // What follows was meant as its value, and is no mistake of its own.
      if (value === null && !/^-|\.ini(?::|$)/.test(args[at] ?? "-")) at++;
      problems.push(
        `--${key} is not an option${near === undefined ? "" : `; did you mean --${near}?`}`,
      );
    } else if (value === null && arity === "required") {
      withNext(key, `--${key}`);
    } else options.push({ key, value });
  }

  function short(arg: string): void {
    for (let i = 1; i < arg.length; i++) {
      const letter = arg[i] ?? "";
      const key = findShort(letter);
      if (key === undefined) {
        problems.push(`-${letter} is not an option`);
        unknown.push(`-${letter}`);
        return;
      }
      const arity = arityOf(key) ?? "none";
      const attached = arg.slice(i + 1);
      if (arity === "none") options.push({ key, value: null });
      else {
        if (attached === "" && arity === "required") withNext(key, arg);
        else options.push({ key, value: attached === "" ? null : attached });
        return;
      }
    }
  }
}

/** Variables that uWSGI keeps for itself. */
const RESERVED = new Set([
  "UWSGI_RELOADS",
  "UWSGI_VASSALS_DIR",
  "UWSGI_EMPEROR_FD",
  "UWSGI_EMPEROR_FD_CONFIG",
  "UWSGI_EMPEROR_PROXY",
  "UWSGI_BROODLORD_NUM",
  "UWSGI_JAIL_PID",
  "UWSGI_ORIGINAL_PROC_NAME",
]);

/** `UWSGI_SPOOLER_PROCESSES=4` is `spooler-processes = 4`; `SPOOLER_INI` is another `UWSGI_INI`. */
export function environmentOptions(environment: Iterable<readonly [string, string]>): Argument[] {
  const options: Argument[] = [];
  for (const [name, value] of environment) {
    if (name === "SPOOLER_INI") options.push({ key: "ini", value });
    if (!name.startsWith("UWSGI_") || RESERVED.has(name)) continue;
    options.push({ key: name.slice(6).toLowerCase().replaceAll("_", "-"), value });
  }
  return options;
}
