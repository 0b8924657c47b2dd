/**
 * Every option, one row each. This table feeds the parser, `--help`, `spooler options` and
 * docs/options.md; an option that is neither here nor among uWSGI's foreign ones is a placeholder.
 *
 * @pure
 */

import { FOREIGN_GROUPS } from "./foreign_options.ts";
import { CODE_OPTIONS } from "./options/code_options.ts";
import { DAEMON_OPTIONS } from "./options/daemon_options.ts";
import { DIALECT_OPTIONS } from "./options/dialect_options.ts";
import { NETWORK_OPTIONS } from "./options/network_options.ts";
import { PROGRAM_OPTIONS } from "./options/program_options.ts";
import type { OptionRow } from "./options/row.ts";
import { SCHEDULE_OPTIONS } from "./options/schedule_options.ts";
import { SPOOL_OPTIONS } from "./options/spool_options.ts";

export type { OptionKind, OptionRow, Standing } from "./options/row.ts";

export const OPTIONS = [
  ...SPOOL_OPTIONS,
  ...SCHEDULE_OPTIONS,
  ...NETWORK_OPTIONS,
  ...CODE_OPTIONS,
  ...PROGRAM_OPTIONS,
  ...DAEMON_OPTIONS,
  ...DIALECT_OPTIONS,
] as const;

export type OptionName = typeof OPTIONS[number]["name"];

/** The table in chapters, for people. */
export const CHAPTERS: readonly { readonly title: string; readonly rows: readonly OptionRow[] }[] =
  [
    { title: "Spools", rows: SPOOL_OPTIONS },
    { title: "Schedules", rows: SCHEDULE_OPTIONS },
    { title: "Sockets and forwarding", rows: NETWORK_OPTIONS },
    { title: "Task code", rows: CODE_OPTIONS },
    { title: "The program", rows: PROGRAM_OPTIONS },
    { title: "The daemon", rows: DAEMON_OPTIONS },
    { title: "The ini itself", rows: DIALECT_OPTIONS },
  ];

/** What a name takes on the command line. */
export type Arity = "none" | "required" | "optional";

export interface ForeignOption {
  readonly name: string;
  readonly group: string;
  readonly reason: string;
  readonly refused: boolean;
  readonly arity: Arity;
  /** uWSGI acts on it before placeholders are filled in, so they never are. */
  readonly immediate: boolean;
  readonly short: string | null;
}

const ROWS = new Map<string, OptionRow>();
const SHORT = new Map<string, string>();
for (const row of OPTIONS as readonly OptionRow[]) {
  for (const name of [row.name, ...row.aliases ?? []]) ROWS.set(name, row);
  if (row.short !== undefined) SHORT.set(row.short, row.name);
}

/** A thousand names, made when the first is asked for: most inis have none of them. */
let foreign: ReadonlyMap<string, ForeignOption> | null = null;

function foreignNames(): ReadonlyMap<string, ForeignOption> {
  return foreign ??= new Map(readForeign().map((option) => [option.name, option]));
}

function readForeign(): ForeignOption[] {
  return FOREIGN_GROUPS.flatMap(({ group, reason, refused = false, names }) =>
    names.trim().split(/\s+/).map((text) => {
      const [, name, arity, bang, letter] = /^([^=?!/]+)([=?]?)(!?)(?:\/(.))?$/.exec(text) ?? [];
      if (name === undefined) throw new Error(`not a name of an option: ${text}`);
      return {
        name,
        group,
        reason,
        refused,
        arity: arity === "=" ? "required" : arity === "?" ? "optional" : "none",
        immediate: bang === "!",
        short: letter ?? null,
      };
    })
  );
}

/** The row of an option of ours to act on, by its name or an alias. */
export function findOption(name: string): OptionRow | undefined {
  return ROWS.get(name);
}

/** An option of uWSGI's that this program does not act on. */
export function findForeign(name: string): ForeignOption | undefined {
  return ROWS.has(name) ? undefined : foreignNames().get(name);
}

export function foreignOptions(): readonly ForeignOption[] {
  return [...foreignNames().values()];
}

export function isKnown(name: string): boolean {
  return ROWS.has(name) || foreignNames().has(name);
}

/** The option of a one-letter form such as `-s`. */
export function findShort(letter: string): string | undefined {
  return SHORT.get(letter) ?? foreignOptions().find(({ short }) => short === letter)?.name;
}

/** Undefined for a name that is no option. */
export function arityOf(name: string): Arity | undefined {
  const row = ROWS.get(name);
  if (row === undefined) return foreignNames().get(name)?.arity;
  if (row.value === undefined) return "none";
  return row.kind === "flag" || row.value.startsWith("[") && row.value.endsWith("]")
    ? "optional"
    : "required";
}

/** Every name and alias. */
export function knownNames(): string[] {
  return [...ROWS.keys(), ...foreignNames().keys()];
}
