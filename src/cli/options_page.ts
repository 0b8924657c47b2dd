/** docs/options.md, made from the option table. */

import { CHAPTERS, type OptionRow } from "../config/options.ts";
import { FOREIGN_GROUPS } from "../config/foreign_options.ts";

const HEAD = `# Options

This page is made from the option table: \`deno task docs\` writes it, and a test fails when it is
out of date. How the ini itself is read is in [ini.md](ini.md).

An option stands in the section \`[uwsgi]\` of the ini as \`name = value\`, on the command line as
\`--name value\`, or in the environment as \`UWSGI_NAME\`, with \`_\` for \`-\`. Where an option may be
given once, the last one counts.

- **Origin** says whose option it is: uWSGI's, with uWSGI's meaning, or our own.
- *not yet* marks an option that is known but not acted on by this version. An ini that has one
  starts with a warning, or not at all where ignoring it would be dangerous.
`;

export function optionsPage(): string {
  const chapters = CHAPTERS.map(({ title, rows }) =>
    `\n## ${title}\n\n| Option | Value | Default | Origin | What it does |\n|---|---|---|---|---|\n` +
    rows.map(rowText).join("")
  );
  return HEAD + chapters.join("") + foreignText();
}

function rowText(row: OptionRow): string {
  const names = [row.name, ...row.aliases ?? []].map((name) => `\`${name}\``).join(", ");
  const short = row.short === undefined ? "" : `, \`-${row.short}\``;
  const cells = [
    names + short,
    row.value === undefined ? "" : `\`${row.value.replaceAll("|", "\\|")}\``,
    row.fallback ?? "",
    row.origin === "ours" ? "ours" : "uWSGI",
    row.help.replaceAll("|", "\\|") + (row.standing === "planned" ? " *(not yet)*" : ""),
  ];
  return `| ${cells.join(" | ")} |\n`;
}

function foreignText(): string {
  const names = (text: string) =>
    text.trim().split(/\s+/).map((word) => `\`${word.replace(/[=?!].*$|\/.$/, "")}\``).join(" ");
  const list = (refused: boolean) =>
    FOREIGN_GROUPS.filter((group) => (group.refused ?? false) === refused)
      .map((group) => `\n**${group.group}**: ${group.reason}.\n\n${names(group.names)}\n`).join("");
  return `\n## uWSGI's options that are refused\n\n` +
    `An ini with one of these does not start, because ignoring it would be dangerous.\n` +
    `${list(true)}\n## uWSGI's options that are accepted and not acted on\n\n` +
    `A warning at the start names them, with the reason.\n${list(false)}`;
}
