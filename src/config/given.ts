/**
 * The options as given, asked for by name: parses their values, collects what is wrong with them,
 * and warns of values that are accepted but read otherwise than a person would.
 *
 * @pure
 */

import { resolve } from "@std/path";
import type { Entry } from "./entry.ts";
import { findOption } from "./options.ts";
import type { OptionName, OptionRow } from "./options.ts";
import type { Problem } from "../platform/problem.ts";
import type { Secrets } from "../report/secrets.ts";
import { secretsOf } from "./secrets.ts";
import { surprise } from "./value.ts";

export class Given {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #byName = new Map<string, Entry[]>();
  readonly #secrets: Secrets;

  /** @param baseDir where relative paths start */
  constructor(readonly entries: readonly Entry[], readonly baseDir: string) {
    this.#secrets = secretsOf(entries);
    for (const entry of entries) {
      const row = findOption(entry.key);
      if (row === undefined || entry.placeholder) continue;
      if (row.mayBeEmpty && entry.value.trim() === "") continue;
      const same = this.#byName.get(row.name);
      if (same === undefined) this.#byName.set(row.name, [entry]);
      else same.push(entry);
    }
  }

  /** The entries of an option, under its name or an alias, in order. */
  entriesOf(name: OptionName): readonly Entry[] {
    return this.#byName.get(name) ?? [];
  }

  /**
   * Every value of an option, in order. A SyntaxError of `parse` becomes a problem that names the
   * place, the option and the value; its message says what was wanted.
   */
  every<T>(name: OptionName, parse: (value: string, entry: Entry) => T): T[] {
    const values: T[] = [];
    for (const entry of this.entriesOf(name)) {
      try {
        values.push(parse(entry.value, entry));
        this.#warnOfSurprise(name, entry);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        this.problem(entry, error.message);
      }
    }
    return values;
  }

  /** The last value counts, as in uWSGI. */
  last<T>(name: OptionName, parse: (value: string, entry: Entry) => T, fallback: T): T {
    return this.every(name, parse).at(-1) ?? fallback;
  }

  /** Absolute, starting where relative paths of this entry start. */
  path(text: string, entry: Entry): string {
    return resolve(entry.base ?? this.baseDir, text);
  }

  problem(entry: Entry, message: string): void {
    this.problems.push({ place: entry.place, message: this.#said(entry, message) });
  }

  warning(entry: Entry, message: string): void {
    this.warnings.push({ place: entry.place, message: this.#said(entry, message) });
  }

  #said(entry: Entry, message: string): string {
    const value = shortened(this.#secrets.maskValue(entry.key, entry.value));
    return `${entry.key} ${this.#secrets.mask(message)}: "${value}"`;
  }

  #warnOfSurprise(name: OptionName, entry: Entry): void {
    const row: OptionRow | undefined = findOption(name);
    if (row === undefined || row.kind === "command") return;
    const kind = row.kind === "flag" || row.kind === "integer" || row.kind === "seconds" ||
        row.kind === "module"
      ? row.kind
      : "string";
    const message = surprise(kind, entry.value);
    if (message !== undefined) this.warning(entry, message);
  }
}

const SHOWN_MAX = 200;

/** A value for a message, on one line and not without end. */
function shortened(value: string): string {
  // deno-lint-ignore no-control-regex -- a value must not steer the terminal it is shown on
  const plain = value.replace(/[\x00-\x1f\x7f]/g, "·");
  return plain.length > SHOWN_MAX ? `${plain.slice(0, SHOWN_MAX)}…` : plain;
}
