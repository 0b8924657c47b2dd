/**
 * From a crontab to lines of an ini: what `spooler import-crontab` prints.
 *
 * Every line of the crontab is there again, as an option, as a comment that says what became of it,
 * or as it was, when it is a comment already. What means something else to an ini is written so that
 * it means the same: `%` is doubled, and where cron makes lines of stdin of it, it becomes a pipe.
 *
 * Sources: crontab(5) of Vixie cron and of cronie.
 *
 * @pure
 */

import { parseCronLine } from "./line.ts";

export type CrontabFormat = "user" | "system";

/** What variables before a line say about it. */
interface Settings {
  /** For the command's environment. */
  readonly env: Map<string, string>;
  zone: string | null;
  shell: string | null;
  jitterMinutes: number;
}

const MAIL = ["MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"];

/** @returns lines for the section [uwsgi] of an ini */
export function importCrontab(text: string, format: CrontabFormat): string[] {
  const settings: Settings = { env: new Map(), zone: null, shell: null, jitterMinutes: 0 };
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.flatMap((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return [line];
    const variable = /^(["']?)([A-Za-z_]\w*)\1\s*=\s*(.*)$/.exec(line);
    if (variable !== null) {
      return applyVariable(variable[2] ?? "", unquoted(variable[3] ?? ""), settings);
    }
    try {
      return jobLines(line, format, settings);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return [`; NOT TAKEN OVER, line ${index + 1}: ${error.message}`, `; ${line}`];
    }
  });
}

function unquoted(text: string): string {
  return /^(["'])(.*)\1\s*$/.exec(text)?.[2] ?? text;
}

function applyVariable(name: string, value: string, settings: Settings): string[] {
  if (MAIL.includes(name)) {
    if (value === "") return [];
    return [`; ${name}=${value}: output goes to the log; on-failure= of cron2 can send a mail`];
  }
  switch (name) {
    case "CRON_TZ":
      settings.zone = value;
      return [`; CRON_TZ=${value}: tz= in the lines below`];
    case "SHELL":
      settings.shell = value === "/bin/sh" ? null : value;
      return [`; SHELL=${value}: ${value === "/bin/sh" ? "the shell here, too" : "called below"}`];
    case "RANDOM_DELAY":
      settings.jitterMinutes = Number(value);
      return [`; RANDOM_DELAY=${value}: jitter= in the lines below, the same at every start`];
    default: {
      settings.env.set(name, value);
      const zone = name === "TZ"
        ? " (the command's clock only; tz= of cron2 is the schedule's)"
        : "";
      return [`; ${name}=${value}: exported in the lines below${zone}`];
    }
  }
}

function jobLines(line: string, format: CrontabFormat, settings: Settings): string[] {
  const notes: string[] = [];
  let rest = line;
  if (/^-[*\d]/.test(line)) {
    rest = line.slice(1);
    notes.push("; the - in front kept cron from logging this job; here every job is logged");
  }
  const { time, timeText, command } = parseCronLine(rest);
  const { user, command: shellText } = format === "system"
    ? splitUser(command)
    : { user: null, command };
  if (format === "user" && /^root\s/.test(command)) {
    notes.push("; the next line begins with an account: was this a system crontab (--system)?");
  }
  if (/[$@]\(/.test(shellText) && /@\(|\$\([A-Za-z_]\w*\)/.test(shellText)) {
    notes.push("; an ini fills in @(FILE) and $(NAME) of a variable that is set; look at this:");
  }
  const keys = [
    ...(settings.zone !== null && time.kind === "cron" ? [`tz=${settings.zone}`] : []),
    ...(settings.jitterMinutes > 0 ? [`jitter=${settings.jitterMinutes}m`] : []),
    ...(user === null ? [] : [`user=${user}`]),
  ];
  const what = commandText(shellText, settings).replaceAll("%", "%%");
  const option = keys.length === 0
    ? `cron = ${timeText} ${what}`
    : `cron2 = when="${timeText}",${keys.join(",")} ${what}`;
  return [...notes, option];
}

function splitUser(text: string): { user: string; command: string } {
  const [, user, command] = /^(\S+)\s+(.+)$/s.exec(text) ?? [];
  if (user === undefined || command === undefined) {
    throw new SyntaxError("wants an account and a command behind the time");
  }
  // FreeBSD has a group and a login class behind the account.
  return { user: user.split(/[:/]/)[0] ?? user, command };
}

/** The command as a shell understands it without cron: its input, its variables, its shell. */
function commandText(text: string, { env, shell }: Settings): string {
  const [command = "", ...input] = text.split(/(?<!\\)%/).map((part) =>
    part.replaceAll("\\%", "%")
  );
  const called = shell === null ? command : `${shell} -c ${quoted(command)}`;
  const fed = input.length === 0
    ? called
    : `printf '%s\\n' ${input.map(quoted).join(" ")} | (${called})`;
  const exports = [...env].map(([name, value]) => `export ${name}=${quoted(value)}; `);
  return exports.join("") + fed;
}

/** For /bin/sh. */
function quoted(text: string): string {
  return /^[\w/:.,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
