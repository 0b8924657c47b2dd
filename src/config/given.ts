/**
 * The options as given, asked for by name: parses their values and collects what is wrong with them.
 */

import type { Entry } from "./ini.ts";
import { OPTIONS } from "./options.ts";
import type { OptionName } from "./options.ts";
import type { Problem } from "./problem.ts";

export class Given {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  /** @param baseDir where relative paths start */
  constructor(readonly entries: readonly Entry[], readonly baseDir: string) {
    const known = new Set<string>(OPTIONS.map((row) => row.name));
    for (const { key, place } of entries) {
      if (!known.has(key)) {
        this.warnings.push({ place, message: `not an option of this program: ${key}` });
      }
    }
  }

  /**
   * Every value of an option, in order. A SyntaxError of `parse` becomes a problem that names the
   * place, the option and the value; its message says what was wanted.
   */
  every<T>(name: OptionName, parse: (value: string, entry: Entry) => T): T[] {
    const values: T[] = [];
    for (const entry of this.entries) {
      if (entry.key !== name) continue;
      try {
        values.push(parse(entry.value, entry));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        const message = `${name} ${error.message}: "${entry.value}"`;
        this.problems.push({ place: entry.place, message });
      }
    }
    return values;
  }

  /** The last value counts, as in uWSGI. */
  last<T>(name: OptionName, parse: (value: string, entry: Entry) => T, fallback: T): T {
    return this.every(name, parse).at(-1) ?? fallback;
  }
}
