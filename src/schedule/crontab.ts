/**
 * From a crontab to an ini: what `spooler import-crontab` prints.
 *
 * Every line of the crontab is there again, as an option, as a comment that says what became of it,
 * or as it was, when it is a comment already. What is printed can always be loaded. This file reads
 * the crontab, `src/schedule/crontab_ini.ts` writes the ini.
 *
 * Sources: crontab(5) of Vixie cron and of cronie; cronie do_command.c (backslashes, stdin).
 *
 * @pure
 */

import {
  type CrontabJob,
  type ImportOptions,
  IniWriter,
  type Item,
  leftOutLines,
  zoneProblem,
} from "./crontab_ini.ts";
import { parseCronLine } from "./line.ts";

export interface Imported {
  /** An ini. */
  readonly lines: readonly string[];
  /** Lines that are there as comments only, because they are not understood. */
  readonly leftOut: number;
}

/** As execve(2) takes no longer argument and no longer variable, cron could not run it either. */
const MOST_BYTES = 131_071;

export function importCrontab(text: string, options: ImportOptions): Imported {
  const items = readItems(text, options);
  const jobs = items.filter((item) => item.kind === "job");
  const writer = new IniWriter(jobs, options);
  let leftOut = 0;
  const body = items.flatMap((item) => {
    const lines = item.kind === "left out" ? leftOutLines(item) : writer.linesOf(item);
    const size = byteLength(lines.at(-1) ?? "");
    if (item.kind === "left out") leftOut++;
    if (item.kind !== "job" || size <= MOST_BYTES) return lines;
    leftOut++;
    const reason = `a job of ${size} bytes: no shell takes more than ${MOST_BYTES}`;
    return leftOutLines({ line: item.command, reason });
  });
  return { lines: ["[uwsgi]", ...writer.head(), ...body], leftOut };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function readItems(text: string, options: ImportOptions): Item[] {
  const variables = new Map<string, string>();
  return text.replace(/\n$/, "").split("\n").map((raw, index): Item => {
    const line = raw.replace(/^[ \t\r\f\v]+|[ \t\r\f\v]+$/g, "");
    if (line === "" || line.startsWith("#")) return { kind: "text", text: line };
    try {
      if (line.includes("\0")) throw new SyntaxError("has a NUL byte");
      const variable = readVariable(line);
      if (variable === null) {
        const job = readJob(line, /\\[ \t]+\r?$/.test(raw), options);
        const problem = job.isReboot ? null : zoneProblem(variables.get("CRON_TZ") ?? "");
        if (problem !== null) throw new SyntaxError(problem);
        return { kind: "job", ...job, variables: new Map(variables) };
      }
      variables.set(variable.name, variable.value);
      return { kind: "variable", ...variable };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return { kind: "left out", line, reason: `line ${index + 1}: ${error.message}` };
    }
  });
}

function readVariable(line: string): { name: string; value: string } | null {
  const [, , name, value = ""] = /^(["']?)([A-Za-z_]\w*)\1[ \t]*=[ \t]*(.*)$/.exec(line) ?? [];
  if (name === undefined) return null;
  const size = byteLength(value);
  if (size > MOST_BYTES) {
    throw new SyntaxError(`${name} has ${size} bytes: no command takes more than ${MOST_BYTES}`);
  }
  return { name, value: /^(["'])(.*)\1$/.exec(value)?.[2] ?? value };
}

/** @param endsInBlank its last backslash has a blank behind it */
function readJob(
  line: string,
  endsInBlank: boolean,
  { format, isAccount }: ImportOptions,
): Omit<CrontabJob, "variables"> {
  const notes: string[] = [];
  let rest = line;
  if (/^-[*\d]/.test(line)) {
    rest = line.slice(1);
    notes.push("; the - in front kept cron from logging this job; here every job is logged");
  }
  const { time, timeText, command: rawCommand } = parseCronLine(rest);
  const { user, command } = format === "system"
    ? splitUser(rawCommand, isAccount)
    : { user: null, command: rawCommand };
  if (format === "user" && /^root\s/.test(command)) {
    notes.push("; the next line begins with an account: was this a system crontab (--system)?");
  }
  const { text, input } = splitInput(endsInBlank ? `${command} ` : command);
  const isReboot = time.kind === "reboot";
  return { notes, isReboot, timeText, user, command: text, input };
}

/** At the first % behind an even number of backslashes; each further one begins a line of stdin. */
function splitInput(command: string): { text: string; input: string[] | null } {
  const [, text = ""] = /^((?:[^\\%]|\\.?)*)/s.exec(command) ?? [];
  const input = text === command ? [] : command.slice(text.length + 1).split(/(?<!\\)%/);
  // A final % ends the last line and begins no other.
  if (input.at(-1) === "") input.pop();
  return {
    text: text.replaceAll(/\\(.)/gs, (pair, next) => next === "%" ? "%" : pair),
    input: input.length === 0 ? null : input.map((line) => line.replaceAll("\\%", "%")),
  };
}

function splitUser(
  text: string,
  isAccount: ImportOptions["isAccount"],
): { user: string; command: string } {
  const [, user, command] = /^(\S+)\s+(.+)$/s.exec(text) ?? [];
  if (user === undefined || command === undefined) {
    throw new SyntaxError("needs an account and a command behind the time");
  }
  // FreeBSD has a group and a login class behind the account.
  const [account = ""] = user.split(/[:/]/);
  if (!/^\w[\w.-]*\$?$/.test(account)) throw new SyntaxError(`names no account: "${user}"`);
  if (!isAccount(account)) throw new SyntaxError(`names no account of this machine: "${account}"`);
  return { user: account, command };
}
