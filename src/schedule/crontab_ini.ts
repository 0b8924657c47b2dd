/**
 * The ini that is written for a crontab. A variable that is the same for all jobs is one option; one
 * that changes between them goes into their lines. What means something else to an ini is written so
 * that it means the same: `%` is doubled, and where cron makes lines of stdin of it, it becomes a pipe.
 *
 * @pure
 */

import { zoneOf } from "../platform/zone.ts";
import { bareWord, isFilledIn, literalWord, type ShellCall, shellCall } from "./crontab_shell.ts";

export interface ImportOptions {
  readonly format: "user" | "system";
  /** Where the jobs of a user's crontab run; null when that is not known. */
  readonly home: string | null;
  /** An ini does not load with a directory that is not there; cron runs the other jobs. */
  isDirectory(path: string): boolean;
  /** The same of an account. */
  isAccount(name: string): boolean;
}

export type Item =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string; readonly value: string }
  | ({ readonly kind: "job" } & CrontabJob)
  | { readonly kind: "left out" } & LeftOut;

interface LeftOut {
  readonly line: string;
  readonly reason: string;
}

export interface CrontabJob {
  readonly notes: readonly string[];
  readonly isReboot: boolean;
  readonly timeText: string;
  readonly user: string | null;
  /** As the shell is to have it. */
  readonly command: string;
  /** Lines for its stdin; null for none. */
  readonly input: readonly string[] | null;
  /** As they are when the line comes. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Of cron itself, and not for the commands. */
const FOR_CRON = ["MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"];
const NOT_EXPORTED = [...FOR_CRON, "CRON_TZ", "RANDOM_DELAY", "SHELL"];
const SH = "/bin/sh";
/** In a line. */
const ACCOUNT_HOME = "~";
/** Of a line that became a comment. */
const MOST_SHOWN = 2000;

/** Decides what all jobs have in common, and writes options for it and for the rest. */
export class IniWriter {
  readonly #jobs: readonly CrontabJob[];
  readonly #options: ImportOptions;
  readonly #written = new Set<string>();
  readonly #common = new Map<string, boolean>();
  readonly #head: readonly string[];

  constructor(jobs: readonly CrontabJob[], options: ImportOptions) {
    this.#jobs = jobs;
    this.#options = options;
    const { home } = options;
    const isGiven = jobs.some(({ variables }) => variables.has("HOME"));
    this.#head = home === null || isGiven || !this.#mayBeChdir(home)
      ? []
      : [`; cron runs jobs in the home directory`, `chdir = ${forIni(home)}`];
  }

  /** Before the first line of the crontab. */
  head(): readonly string[] {
    return this.#head;
  }

  linesOf(item: Exclude<Item, { kind: "left out" }>): readonly string[] {
    switch (item.kind) {
      case "text":
        return [comment(item.text)];
      case "variable":
        return this.#variable(item.name, item.value);
      case "job":
        return [...item.notes, this.#job(item)];
      default:
        return item satisfies never;
    }
  }

  /** Whether an option says it for all jobs. TZ would be the program's own clock. */
  #isCommon(name: string): boolean {
    if (name === "TZ" || name === "RANDOM_DELAY") return false;
    let isCommon = this.#common.get(name);
    if (isCommon === undefined) {
      const values = new Set(this.#jobs.map(({ variables }) => variables.get(name)));
      isCommon = values.size <= 1 &&
        [...values].every((value) =>
          value !== undefined && isOptionValue(value) &&
          (name !== "HOME" || this.#mayBeChdir(value)) &&
          (name !== "CRON_TZ" || zoneProblem(value) === null)
        );
      this.#common.set(name, isCommon);
    }
    return isCommon;
  }

  #variable(name: string, value: string): string[] {
    const given = `${name}=${value}`;
    const said = (what: string) => [comment(`; ${given}: ${what}`)];
    if (FOR_CRON.includes(name) && name !== "MAILTO") return said("not used here");
    if (name === "SHELL" && (value === SH || value === "")) return said("the shell here, too");
    if (name === "TZ") {
      return said("exported in the lines below; cron-tz and tz= are the schedule's clock");
    }
    if (name === "CRON_TZ" && value === "") return said("the machine's zone");
    if (name === "MAILTO" && value === "") return said("no mail of the lines below");
    if (name === "MAILTO" && addressesOf(value).length === 0) return said("no address");
    if (this.#jobs.every(({ variables }) => variables.get(name) !== value)) {
      return said("no job comes after it");
    }
    if (!this.#isCommon(name)) return said("in the lines below");
    if (this.#written.has(name)) return said("as above");
    this.#written.add(name);
    switch (name) {
      case "MAILTO":
        return [
          ...said("all output goes to the log; this mails the end of stderr of what fails"),
          `cron-on-failure = ${forIni(mailCommand(value))}`,
        ];
      case "CRON_TZ":
        return [`cron-tz = ${forIni(value)}`];
      case "SHELL":
        return [`binsh = ${forIni(value)}`, `env = ${forIni(given)}`];
      case "HOME":
        return ["; cron runs jobs in HOME", `chdir = ${forIni(value)}`, `env = ${forIni(given)}`];
      default:
        return [`env = ${forIni(given)}`];
    }
  }

  #job(job: CrontabJob): string {
    const directory = this.#directoryOf(job.variables);
    const isSetting = directory === null || directory === ACCOUNT_HOME ||
      this.#mayBeChdir(directory) && !directory.includes('"');
    const keys = this.#keysOf(job, isSetting ? directory : null);
    const enter = isSetting ? "" : `cd ${literalWord(directory)} || exit; `;
    const command = `${enter}${this.#commandOf(job)}`;
    // Behind settings a comma would be one between them.
    const what = forIni(command.startsWith(",") ? `: ; ${command}` : command);
    return keys.length === 0
      ? `cron = ${job.timeText} ${what}`
      : `cron2 = when="${job.timeText}",${keys.join(",")} ${what}`;
  }

  #keysOf({ variables, user, isReboot }: CrontabJob, directory: string | null): string[] {
    const own = (name: string) => this.#isCommon(name) ? "" : variables.get(name) ?? "";
    const [zone, mail] = [own("CRON_TZ"), own("MAILTO")];
    const delay = variables.get("RANDOM_DELAY") ?? "";
    const minutes = /^\d{1,5}$/.test(delay) ? Number(delay) : 0;
    return [
      ...(zone !== "" && !isReboot ? [`tz=${setting(zone)}`] : []),
      ...(minutes > 0 ? [`jitter=${minutes}m`] : []),
      ...(user === null ? [] : [`user=${user}`]),
      ...(directory === null ? [] : [`chdir=${setting(directory)}`]),
      ...(addressesOf(mail).length > 0 ? [`on-failure='${mailCommand(mail)}'`] : []),
    ].map(forIni);
  }

  #mayBeChdir(path: string): boolean {
    return path.startsWith("/") && isOptionValue(path) && this.#options.isDirectory(path);
  }

  /** Null where `chdir` of the ini says it. */
  #directoryOf(variables: ReadonlyMap<string, string>): string | null {
    if (this.#isCommon("HOME")) return null;
    const own = variables.get("HOME");
    if (own !== undefined) return own === ACCOUNT_HOME ? "./~" : own || null;
    const { format, home } = this.#options;
    if (format === "system") return ACCOUNT_HOME;
    if (home === null || this.#head.length > 0) return null;
    return home;
  }

  /** The command as a shell understands it without cron: its input, its variables, its shell. */
  #commandOf({ command, input, variables }: CrontabJob): string {
    const shell = variables.get("SHELL") || SH;
    const call: ShellCall = { command, shell, usual: this.#isCommon("SHELL") ? shell : SH };
    const fed = input === null
      ? shellCall(call)
      : `printf '%s\\n' ${input.map(literalWord).join(" ")} | ${
        shellCall({ ...call, isFed: true })
      }`;
    const exports = [...variables]
      .filter(([name]) => !this.#isCommon(name) && !NOT_EXPORTED.includes(name))
      .map(([name, value]) => `export ${name}=${literalWord(value)}; `);
    return exports.join("") + fed;
  }
}

export function leftOutLines({ line, reason }: LeftOut): string[] {
  return [comment(`; NOT CONVERTED, ${reason}`), comment(`; ${line}`)];
}

/** A final % would take the next line into the comment. */
function comment(text: string): string {
  const shown = text.length > MOST_SHOWN
    ? `${text.slice(0, MOST_SHOWN).replace(/[\ud800-\udbff]$/, "")}...`
    : text;
  return shown.endsWith("%") ? forIni(shown) : shown;
}

/** An ini keeps it as it is, behind `NAME = `. */
function isOptionValue(value: string): boolean {
  return !isFilledIn(value) && !/^[ \t\r]|[ \t\r]$/.test(value);
}

function setting(value: string): string {
  return /[\s,"']/.test(value) ? `"${value}"` : value;
}

/** What spooler-on-failure of cron has for the mail: the end of stderr is its stdin. */
function mailCommand(addresses: string): string {
  const words = addressesOf(addresses).map(bareWord).join(" ");
  return `mail -s "$SPOOLER_JOB: $SPOOLER_RESULT" ${words}`;
}

/** Why nobody can say when jobs of this CRON_TZ would run; null when it is one. */
export function zoneProblem(zone: string): string | null {
  try {
    if (zone !== "") zoneOf(zone);
    return null;
  } catch (error) {
    if (error instanceof SyntaxError) return `CRON_TZ ${error.message}`;
    throw error;
  }
}

/** Without what would be an option of mail(1). */
function addressesOf(value: string): string[] {
  return value.split(/[\s,]+/).filter((word) => word !== "" && !word.startsWith("-"));
}

function forIni(text: string): string {
  return text.replaceAll("%", "%%");
}
