/**
 * The manual pages, from the tables of commands and options and from docs/spool-format.md.
 * `deno task docs` writes them to docs/man/; a test compares them.
 */

import { MANUALS } from "../src/cli/manual.ts";
import type { Manual } from "../src/cli/manual_parts.ts";
import { MAN_PAGES } from "../src/cli/manual.ts";
import { CHAPTERS, type OptionRow } from "../src/config/options.ts";
import { VERSION } from "../src/platform/version.ts";
import { root } from "./test_files.ts";

/** Text by file name. */
export function manPages(): Readonly<Record<string, string>> {
  return {
    [MAN_PAGES.spooler]: commandsPage(),
    [MAN_PAGES.ini]: iniPage(),
    [MAN_PAGES.spool]: spoolPage(),
  };
}

function page(name: string, section: number, about: string, lines: readonly string[]): string {
  return [
    `'\\" -*- coding: UTF-8 -*-`,
    `.TH "${name.toUpperCase()}" "${section}" "" "spooler ${VERSION}" "spooler"`,
    ".nh",
    ".ad l",
    ".SH NAME",
    `${name.replaceAll("-", "\\-")} \\- ${escaped(about)}`,
    ...lines,
    "",
  ].join("\n");
}

function commandsPage(): string {
  return page("spooler", 1, "background tasks, timers and cron jobs from one ini file", [
    ".SH SYNOPSIS",
    ...Object.values(MANUALS).flatMap(({ usage }) => [".br", `\\fBspooler\\fR ${escaped(usage)}`]),
    ".SH DESCRIPTION",
    ...paragraph(
      "A task is a file in a spool directory. spooler runs each task once its time has come, as a " +
        "shell command or as a function in TypeScript, JavaScript or Python; it retries those that " +
        "fail, and keeps those it gives up in failed/. It also runs cron jobs and timers, takes " +
        "tasks from sockets, and forwards them to other machines. See spooler.ini(5) for the " +
        "settings and spooler-spool(5) for the directory.",
    ),
    ".SH COMMANDS",
    ...Object.entries(MANUALS).flatMap(commandLines),
    ".SH EXIT STATUS",
    ...tagged("0", "success"),
    ...tagged("1", "failure"),
    ...tagged("2", "a mistake in the command line or the configuration"),
    ...tagged("70", "an impossible state: a bug; tasks stay in their spool"),
    ".SH SIGNALS",
    ...tagged("SIGTERM, SIGINT", "stop when running tasks have ended; the second one kills them"),
    ...tagged("SIGQUIT", "kill running tasks and stop; the tasks stay in their spool"),
    ...tagged("SIGHUP", "read the ini again"),
    ...tagged("SIGUSR1", "log what runs"),
    ...tagged("SIGUSR2", "open the files of the log anew"),
    ".SH ENVIRONMENT",
    ...tagged("SPOOLER_INI, UWSGI_INI", "the ini of commands that are given none"),
    ...tagged("UWSGI_OPTION", "the setting OPTION of the ini, with _ for -"),
    ...tagged("TZ", "the time zone of schedules and of the log"),
    ...tagged("NO_COLOR", "no colours on a terminal"),
    ".SH FILES",
    ...tagged("/etc/spooler/*.ini", "the inis of the service spooler@NAME, in the Debian package"),
    ".SH SEE ALSO",
    "\\fBspooler.ini\\fR(5), \\fBspooler-spool\\fR(5), \\fBcrontab\\fR(5), \\fBsystemd.service\\fR(5)",
  ]);
}

function commandLines([name, manual]: [string, Manual]): string[] {
  const { usage, about, options, examples } = manual;
  return [
    `.SS ${name}`,
    `\\fBspooler\\fR ${escaped(usage)}`,
    ...paragraph(about),
    ...options.flatMap(([option, help]) => tagged(option, help)),
    ...code(examples),
  ];
}

function iniPage(): string {
  const example = Deno.readTextFileSync(`${root}examples/quickstart/site.ini`).trimEnd();
  return page("spooler.ini", 5, "the settings of spooler", [
    ".SH DESCRIPTION",
    ...paragraph(
      "An ini has a section [uwsgi] with lines NAME = VALUE. A line that starts with ; or # is a " +
        "comment. %d is the directory of the ini, where relative paths start; %(NAME) is the value " +
        "of another key. Every setting may also stand on the command line, as --NAME VALUE. " +
        "spooler check FILE shows what an ini does.",
    ),
    ...CHAPTERS.flatMap(({ title, rows }) => [
      `.SH ${escaped(title.toUpperCase())}`,
      ...(rows as readonly OptionRow[]).flatMap((row) =>
        tagged(row.value === undefined ? row.name : `${row.name} = ${row.value}`, optionHelp(row))
      ),
    ]),
    ".SH EXAMPLE",
    ...code(example.split("\n")),
    ".SH SEE ALSO",
    "\\fBspooler\\fR(1), \\fBspooler-spool\\fR(5)",
  ]);
}

function optionHelp({ help, fallback, standing, aliases = [] }: OptionRow): string {
  const also = aliases.length === 0 ? "" : `; also ${aliases.join(", ")}`;
  const byDefault = fallback === undefined ? "" : `; default: ${fallback}`;
  return `${help}${byDefault}${also}${standing === "planned" ? "; not acted on yet" : ""}`;
}

function spoolPage(): string {
  const text = Deno.readTextFileSync(`${root}docs/spool-format.md`);
  const [, ...rest] = text.split("\n");
  return page("spooler-spool", 5, "the files of a spool directory", [
    ".SH DESCRIPTION",
    ...markdown(rest.join("\n")),
    ".SH SEE ALSO",
    "\\fBspooler\\fR(1), \\fBspooler.ini\\fR(5)",
  ]);
}

/** Headings, paragraphs, lists, tables and code: what the pages of docs/ have. */
function markdown(text: string): string[] {
  const blocks = text.trim().split(/\n{2,}(?![^`]*\n```(?:\n|$))/).flatMap((block) => block.trim());
  return blocks.flatMap((block) => {
    const lines = block.split("\n");
    const [first = ""] = lines;
    if (first.startsWith("```")) return code(lines.slice(1, lines.lastIndexOf("```")));
    const [, marks, title] = /^(#+) (.*)$/.exec(first) ?? [];
    if (marks !== undefined) {
      return [`.${marks.length > 2 ? "SS" : "SH"} ${inline((title ?? "").toUpperCase())}`];
    }
    if (first.startsWith("|")) return table(lines);
    if (/^[-\d]/.test(first) && /^(- |\d+\. )/.test(first)) return list(block);
    return [".PP", guarded(inline(lines.join(" ")))];
  });
}

function list(block: string): string[] {
  return block.split(/\n(?=- |\d+\. )/).flatMap((item) => {
    const [, mark = "", text = ""] = /^(-|\d+\.) ([^]*)$/.exec(item) ?? [];
    return [
      `.IP ${mark === "-" ? "\\(bu" : mark} 4`,
      guarded(inline(text.replaceAll(/\s*\n\s*/g, " "))),
    ];
  });
}

/** A row is an entry: its first cell, and the others behind their headings. */
function table(lines: readonly string[]): string[] {
  const cellsOf = (line: string) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("\\|", "|"));
  const [head = [], , ...rows] = lines.map(cellsOf);
  return rows.flatMap(([tag = "", ...cells]) => {
    const texts = cells.flatMap((cell, at) =>
      cell === "" ? [] : cells.length === 1 ? [cell] : [`${head[at + 1]}: ${cell}`]
    );
    return [".TP", guarded(inline(tag)) || "\\&", guarded(inline(texts.join(". "))) || "\\&"];
  });
}

function paragraph(text: string): string[] {
  return [".PP", guarded(inline(text))];
}

function tagged(tag: string, text: string): string[] {
  return [".TP", `\\fB${escaped(tag)}\\fR`, guarded(inline(text))];
}

function code(lines: readonly string[]): string[] {
  return [".PP", ".RS 4", ".nf", ...lines.map((line) => guarded(escaped(line))), ".fi", ".RE"];
}

function inline(text: string): string {
  return text.split(/(`[^`]+`)/).map((part) =>
    part.startsWith("`") && part.length > 2 ? `\\fB${escaped(part.slice(1, -1))}\\fR` : escaped(
      part.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/\*\*?([^*]+)\*\*?/g, "$1"),
    )
  ).join("");
}

/** A word longer than a line may break behind a comma. */
function escaped(text: string): string {
  return text.replaceAll(/\S{60,}/g, (word) => word.replaceAll(",", ",\u{200B}")).replaceAll(
    "\\",
    "\\e",
  ).replaceAll("-", "\\-").replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha").replaceAll("`", "\\(ga")
    .replaceAll("\u{200B}", "\\:");
}

/** Text that begins like a request is escaped. */
function guarded(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

if (import.meta.main) {
  await Deno.mkdir(`${root}docs/man`, { recursive: true });
  for (const [name, text] of Object.entries(manPages())) {
    await Deno.writeTextFile(`${root}docs/man/${name}`, text);
  }
}
