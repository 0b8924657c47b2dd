/**
 * From a crontab to an ini: what `spooler import-crontab` prints.
 *
 * Every line of the crontab is there again, as an option, as a comment that says what became of it,
 * or as it was, when it is a comment already. A variable that is the same for all jobs is one option;
 * one that changes between them goes into their lines. What means something else to an ini is
 * written so that it means the same: `%` is doubled, and where cron makes lines of stdin of it, it
 * becomes a pipe.
 *
 * Sources: crontab(5) of Vixie cron and of cronie; Vixie cron do_command.c (stdin, directory).
 *
 * @pure
 */

import { shellWord } from "../platform/shell_word.ts";
import { parseCronLine } from "./line.ts";

export type CrontabFormat = "user" | "system";

export interface ImportOptions {
  readonly format: CrontabFormat;
  /** Where the jobs of a user's crontab run; null when that is not known. */
  readonly home: string | null;
}

export interface Imported {
  /** An ini. */
  readonly lines: readonly string[];
  /** Lines that are there as comments only, because they are not understood. */
  readonly leftOut: number;
}

type Item =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string; readonly value: string }
  | ({ readonly kind: "job" } & CrontabJob)
  | { readonly kind: "left out"; readonly line: string; readonly reason: string };

interface CrontabJob {
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

export function importCrontab(text: string, options: ImportOptions): Imported {
  const items = readItems(text, options.format);
  const jobs = items.filter((item) => item.kind === "job");
  const writer = new IniWriter(jobs, options);
  const lines = ["[uwsgi]", ...writer.head(), ...items.flatMap((item) => writer.linesOf(item))];
  return { lines, leftOut: items.filter(({ kind }) => kind === "left out").length };
}

function readItems(text: string, format: CrontabFormat): Item[] {
  const variables = new Map<string, string>();
  return text.replace(/\n$/, "").split("\n").map((raw, index): Item => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return { kind: "text", text: line };
    const [, , name, value = ""] = /^(["']?)([A-Za-z_]\w*)\1\s*=\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      const plain = /^(["'])(.*)\1\s*$/.exec(value)?.[2] ?? value;
      variables.set(name, plain);
      return { kind: "variable", name, value: plain };
    }
    try {
      return { kind: "job", ...readJob(line, format), variables: new Map(variables) };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return { kind: "left out", line, reason: `line ${index + 1}: ${error.message}` };
    }
  });
}

function readJob(line: string, format: CrontabFormat): Omit<CrontabJob, "variables"> {
  const notes: string[] = [];
  let rest = line;
  if (/^-[*\d]/.test(line)) {
    rest = line.slice(1);
    notes.push("; the - in front kept cron from logging this job; here every job is logged");
  }
  const { time, timeText, command: rawCommand } = parseCronLine(rest);
  const { user, command } = format === "system"
    ? splitUser(rawCommand)
    : { user: null, command: rawCommand };
  if (format === "user" && /^root\s/.test(command)) {
    notes.push("; the next line begins with an account: was this a system crontab (--system)?");
  }
  if (/@\(|\$\([A-Za-z_]\w*\)/.test(command)) {
    notes.push("; an ini fills in @(FILE), and $(NAME) of a variable that is set; check this:");
  }
  const [shellText = "", ...input] = command.split(/(?<!\\)%/)
    .map((part) => part.replaceAll("\\%", "%"));
  // A final % ends the last line and begins no other.
  if (input.at(-1) === "") input.pop();
  return {
    notes,
    isReboot: time.kind === "reboot",
    timeText,
    user,
    command: shellText,
    input: input.length === 0 ? null : input,
  };
}

function splitUser(text: string): { user: string; command: string } {
  const [, user, command] = /^(\S+)\s+(.+)$/s.exec(text) ?? [];
  if (user === undefined || command === undefined) {
    throw new SyntaxError("needs an account and a command behind the time");
  }
  // FreeBSD has a group and a login class behind the account.
  return { user: user.split(/[:/]/)[0] ?? user, command };
}

/** Of cron itself, and not for the commands. */
const FOR_CRON = ["MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"];
const SH = "/bin/sh";

/** Decides what all jobs have in common, and writes options for it and for the rest. */
class IniWriter {
  readonly #jobs: readonly CrontabJob[];
  readonly #options: ImportOptions;
  readonly #written = new Set<string>();

  constructor(jobs: readonly CrontabJob[], options: ImportOptions) {
    this.#jobs = jobs;
    this.#options = options;
  }

  /** Before the first line of the crontab. */
  head(): string[] {
    const { home } = this.#options;
    if (home === null || this.#jobs.some(({ variables }) => variables.has("HOME"))) return [];
    return [`; cron runs jobs in the home directory`, `chdir = ${forIni(home)}`];
  }

  linesOf(item: Item): readonly string[] {
    switch (item.kind) {
      case "text":
        return [item.text];
      case "variable":
        return this.#variable(item.name, item.value);
      case "job":
        return [...item.notes, this.#job(item)];
      case "left out":
        return [`; NOT CONVERTED, ${item.reason}`, `; ${item.line}`];
      default:
        return item satisfies never;
    }
  }

  /** Whether all jobs have the same value of it. TZ would be the program's own clock. */
  #isCommon(name: string): boolean {
    if (name === "TZ" || name === "RANDOM_DELAY") return false;
    const values = new Set(this.#jobs.map(({ variables }) => variables.get(name)));
    return values.size <= 1 && !values.has(undefined);
  }

  #variable(name: string, value: string): string[] {
    const given = `${name}=${value}`;
    if (FOR_CRON.includes(name) && name !== "MAILTO") return [`; ${given}: not used here`];
    if (name === "SHELL" && value === SH) return [`; ${given}: the shell here, too`];
    if (name === "TZ") {
      return [`; ${given}: exported in the lines below; cron-tz and tz= are the schedule's clock`];
    }
    if (!this.#isCommon(name)) return [`; ${given}: in the lines below`];
    if (this.#jobs.every(({ variables }) => variables.get(name) !== value)) {
      return [`; ${given}: no job comes after it`];
    }
    if (this.#written.has(name)) return [`; ${given}: as above`];
    this.#written.add(name);
    switch (name) {
      case "MAILTO":
        if (value === "") return [`; ${given}: no cron-on-failure, then`];
        return [
          `; ${given}: all output goes to the log; this mails the end of stderr of what fails`,
          `cron-on-failure = ${forIni(mailCommand(value))}`,
        ];
      case "CRON_TZ":
        return [`cron-tz = ${forIni(value)}`];
      case "SHELL":
        return [`binsh = ${forIni(value)}`, `env = ${forIni(given)}`];
      case "HOME":
        return [`; cron runs jobs in HOME`, `chdir = ${forIni(value)}`, `env = ${forIni(given)}`];
      default:
        return [`env = ${forIni(given)}`];
    }
  }

  #job(job: CrontabJob): string {
    const keys = this.#keysOf(job);
    const what = forIni(this.#commandOf(job));
    return keys.length === 0
      ? `cron = ${job.timeText} ${what}`
      : `cron2 = when="${job.timeText}",${keys.join(",")} ${what}`;
  }

  #keysOf({ variables, user, isReboot }: CrontabJob): string[] {
    const own = (name: string) => this.#isCommon(name) ? undefined : variables.get(name);
    const [zone, mail] = [own("CRON_TZ"), own("MAILTO")];
    const minutes = Number(variables.get("RANDOM_DELAY") ?? 0);
    const directory = this.#directoryOf(variables);
    return [
      ...(zone !== undefined && !isReboot ? [`tz=${zone}`] : []),
      ...(minutes > 0 ? [`jitter=${minutes}m`] : []),
      ...(user === null ? [] : [`user=${user}`]),
      ...(directory === null
        ? []
        : [`chdir=${/[\s,"']/.test(directory) ? `"${directory}"` : directory}`]),
      ...(mail ? [`on-failure='${mailCommand(mail)}'`] : []),
    ].map(forIni);
  }

  /** Null where `chdir` of the ini says it. */
  #directoryOf(variables: ReadonlyMap<string, string>): string | null {
    if (this.#isCommon("HOME")) return null;
    const own = variables.get("HOME");
    if (own !== undefined) return own;
    const { format, home } = this.#options;
    if (format === "system") return "~";
    return this.#jobs.some((job) => job.variables.has("HOME")) ? home : null;
  }

  /** The command as a shell understands it without cron: its input, its variables, its shell. */
  #commandOf({ command, input, variables }: CrontabJob): string {
    const shell = this.#isCommon("SHELL") ? SH : variables.get("SHELL") ?? SH;
    const called = shell === SH ? command : `${shell} -c ${shellWord(command)}`;
    const fed = input === null
      ? called
      : `printf '%s\\n' ${input.map(shellWord).join(" ")} | (${called})`;
    const exports = [...variables]
      .filter(([name]) => !this.#isCommon(name) && !NOT_EXPORTED.includes(name))
      .map(([name, value]) => `export ${name}=${shellWord(value)}; `);
    return exports.join("") + fed;
  }
}

const NOT_EXPORTED = [...FOR_CRON, "CRON_TZ", "RANDOM_DELAY", "SHELL"];

/** What spooler-on-failure of cron has for the mail: the end of stderr is its stdin. */
function mailCommand(address: string): string {
  return `mail -s "$SPOOLER_JOB: $SPOOLER_RESULT" ${shellWord(address)}`;
}

function forIni(text: string): string {
  return text.replaceAll("%", "%%");
}
