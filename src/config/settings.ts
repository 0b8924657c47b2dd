/**
 * The `key=value,key=value rest` form of schedules, with quotes: `minute="0,30",name=half command`.
 *
 * Blanks of any kind around `=` and `,` mean nothing: `minute = 5,<TAB>hour = 3` is
 * `minute=5,hour=3`. As in uWSGI's cron2, a first word that has no key and `=` in front is already the
 * rest, and so is one that sets a variable of the environment, in capitals. Unlike uWSGI, an unknown
 * key is an error, and a value in quotes may hold commas and blanks.
 *
 * @pure
 */

export interface Settings {
  readonly values: ReadonlyMap<string, string>;
  readonly rest: string;
}

const KEY = /([a-z][a-z0-9-]*)(\s*=\s*)/y;
const COMMA = /\s*,\s*/y;
/** Keys whose empty value says that there is none, so that the word behind may be the command. */
const MAY_BE_EMPTY = ["user", "group", "chdir", "on-failure"];
const VALUE = /"([^"]*)"|'([^']*)'|([^\s,"']*)/y;

/**
 * @param known the keys there are
 * @throws {SyntaxError} for a key that is unknown or repeated, a value without a key, an open quote, and
 *   for `user= word`, which may mean either
 */
export function parseSettings(text: string, known: readonly string[]): Settings {
  const values = new Map<string, string>();
  const line = text.trim();
  let at = 0;
  while (true) {
    const key = match(KEY, line, at);
    const [name, isSpaced] = [key?.[1] ?? "", key?.[2] !== "="];
    // With blanks around it only what is a key is one: `make all = yes` is a command.
    const isKey = key !== null && (!isSpaced || known.includes(name));
    if (!isKey && values.size === 0) return { values, rest: line };
    if (!isKey) throw strayValue(line, at, [...values.keys()].at(-1) ?? "");
    if (!known.includes(name)) throw new SyntaxError(`takes ${known.join(", ")}, not ${name}=`);
    if (values.has(name)) throw new SyntaxError(`has ${name}= twice`);
    const isUnclear = MAY_BE_EMPTY.includes(name) ||
      /^[^\s,"']*=/.test(line.slice(at + key[0].length));
    if (/^=\s/.test(key[2] ?? "") && isUnclear) {
      throw new SyntaxError(
        `has a blank behind ${name}=: ${name}="" is nothing, ${name}=VALUE a value`,
      );
    }
    const value = match(VALUE, line, at + key[0].length);
    if (value === null) throw new Error("a pattern that may be empty always matches");
    values.set(name, value[1] ?? value[2] ?? value[3] ?? "");
    at += key[0].length + value[0].length;
    const [comma = ""] = match(COMMA, line, at) ?? [];
    const next = line[at];
    if (comma === "" && (next === undefined || /\s/.test(next))) {
      return { values, rest: line.slice(at).trim() };
    }
    if (comma === "") {
      throw new SyntaxError(`has a quote in ${name}= that is not closed or not whole`);
    }
    at += comma.length;
  }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function strayValue(line: string, at: number, before: string): SyntaxError {
  const word = /^[^\s,]*/.exec(line.slice(at))?.[0] ?? "";
  if (word === "") return new SyntaxError(`has a comma behind ${before}= and no key after it`);
  return new SyntaxError(`needs a list in quotes, as in ${before}="…,${word}"`);
}
