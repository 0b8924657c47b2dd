/**
 * `spooler options [WORD]`: the option table, for people; with a word, the rows that have it.
 * `--markdown` prints docs/options.md, `--schema` a JSON Schema.
 */

import {
  CHAPTERS,
  findForeign,
  foreignOptions,
  isKnown,
  knownNames,
  type OptionRow,
} from "../config/options.ts";
import { nearest } from "../config/suggest.ts";
import { UsageError } from "./error.ts";
import { optionText } from "./option_text.ts";
import { optionsPage } from "./options_page.ts";
import { optionsSchema } from "./options_schema.ts";

export function options(args: readonly string[]): Promise<number> {
  if (args.includes("--markdown")) {
    console.log(optionsPage().trimEnd());
    return Promise.resolve(0);
  }
  if (args.includes("--schema")) {
    console.log(JSON.stringify(optionsSchema(), null, 2));
    return Promise.resolve(0);
  }
  const [word, extra] = args;
  if (extra !== undefined) throw new UsageError(`options needs one word, not also "${extra}"`);
  const text = optionsText(word ?? "");
  if (text === undefined) {
    const near = nearest(word ?? "", knownNames());
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw new UsageError(`no option has "${word}" in its name or help${hint}`);
  }
  console.log(text);
  return Promise.resolve(0);
}

/** @returns undefined when nothing has the word in it */
export function optionsText(word: string): string | undefined {
  const wanted = word.toLowerCase();
  const has = (row: OptionRow) =>
    [row.name, ...row.aliases ?? [], row.help].some((text) => text.toLowerCase().includes(wanted));
  const parts = CHAPTERS.flatMap(({ title, rows }) => {
    const found = rows.filter(has);
    return found.length === 0 ? [] : [`${title}\n${found.map(optionText).join("")}`];
  });
  const foreign = word === ""
    ? []
    : foreignOptions().filter(({ name }) => name.includes(wanted)).map(({ name }) => name);
  if (foreign.length > 0) {
    const lines = foreign.map((name) => `  ${name}: ${foreignText(name)}\n`);
    parts.push(`uWSGI's, not acted on here\n${lines.join("")}`);
  } else if (word === "") {
    const count = foreignOptions().length;
    parts.push(
      `${count} more options of uWSGI are known and not acted on: spooler options WORD finds them.`,
    );
  }
  return parts.length === 0 && !isKnown(word) ? undefined : parts.join("\n").trimEnd();
}

function foreignText(name: string): string {
  const option = findForeign(name);
  return option === undefined ? "" : `${option.refused ? "refused: " : ""}${option.reason}`;
}
