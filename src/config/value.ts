/**
 * The values of options: text in, a typed value or a SyntaxError out. The message says what was
 * wanted; the caller adds the option's name, its place and the value.
 *
 * uWSGI reads a number with atoi (core/uwsgi.c, uwsgi_opt_set_int) and ignores what follows the
 * digits, so `5m` is 5 there. Here only a comment may follow, as in `2 # workers`; the rest is an error.
 *
 * @pure
 */

const COMMENT = String.raw`(?:\s+[#;].*)?\s*$`;
const NUMBER = new RegExp(String.raw`^\s*([+-]?\d+)${COMMENT}`, "s");
const DURATION = new RegExp(
  String.raw`^\s*\+?(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h|d)?${COMMENT}`,
  "s",
);

/** Whole, `min` or more. */
export function parseInteger(text: string, min: number): number {
  const value = Number(NUMBER.exec(text)?.[1] ?? NaN);
  if (!(value >= min) || !Number.isSafeInteger(value)) {
    throw new SyntaxError(`needs a whole number ≥ ${min}`);
  }
  return value;
}

/** Seconds, fractions allowed; with a unit, as in `5m`, what it says. */
export function parseSeconds(text: string, min: number): number {
  const value = millisecondsOf(text) / 1000;
  if (!(value >= min) || value > Number.MAX_SAFE_INTEGER / 1000) {
    throw new SyntaxError(`needs a number of seconds ≥ ${min}, or a duration such as 5m`);
  }
  return value;
}

/** uWSGI's flags: false, off, no and 0 in any case are false; all else, and nothing, is true. */
export function parseBoolean(text: string): boolean {
  return !["false", "off", "no", "0"].includes(text.toLowerCase());
}

/**
 * What a reader of the line would not expect of a value that is accepted: undefined, or the rest
 * of a sentence that starts with the option's name.
 */
export function surprise(
  kind: "flag" | "integer" | "seconds" | "string" | "module",
  text: string,
): string | undefined {
  switch (kind) {
    case "integer":
    case "seconds": {
      const value = text.replace(/\s+[#;].*$/s, "");
      return value === text ? undefined : `is read as ${value.trim()}`;
    }
    case "flag":
      return /^(?:|true|yes|on|1|false|off|no|0)$/i.test(text) ? undefined : "is read as true";
    case "module":
    case "string":
      return /\s[#;](?:\s|$)/.test(text)
        ? "keeps the text after # or ; as a part of its value; a comment needs a line of its own"
        : undefined;
  }
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `2h`, `1d`; a bare number is seconds. Returns milliseconds, 1 or more. */
export function parseDuration(text: string): number {
  const ms = millisecondsOf(text);
  if (!(ms >= 1)) throw new SyntaxError("needs a duration such as 500ms, 30s, 5m, 2h or 1d");
  return ms;
}

/** NaN for what is no duration. A bare number is seconds. */
function millisecondsOf(text: string): number {
  const [, amount, unit = "s"] = DURATION.exec(text) ?? [];
  return Number(amount) * (UNIT_MS[unit] ?? NaN);
}

const UNIT_BYTES: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `500M`, `2G`, `64k`, or bytes. */
export function parseSize(text: string): number {
  const [, amount, unit = ""] = /^(\d+)\s*([kKmMgG]?)$/.exec(text.trim()) ?? [];
  const bytes = Number(amount) * (UNIT_BYTES[unit.toLowerCase()] ?? NaN);
  if (!Number.isSafeInteger(bytes)) throw new SyntaxError("needs a size such as 64k, 500M or 2G");
  return bytes;
}

/**
 * The `key=value,key=value rest` form of uWSGI's …2 options. A first word that does not start with
 * one of the known keys and a `=` is already the rest.
 *
 * @throws {SyntaxError} when a key between two known ones is not known
 */
export function parseKeyValues(
  text: string,
  known: readonly string[],
): { settings: Map<string, string>; rest: string } {
  const settings = new Map<string, string>();
  const [, first, rest] = /^\s*(\S*)\s*(.*)$/s.exec(text) as unknown as [string, string, string];
  if (!known.some((key) => first.startsWith(`${key}=`))) return { settings, rest: text.trim() };
  for (const part of first.split(",")) {
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(equals, 0));
    if (!known.includes(key)) {
      throw new SyntaxError(`takes ${known.join(", ")}, not "${part}"`);
    }
    settings.set(key, part.slice(equals + 1));
  }
  return { settings, rest: rest.trim() };
}

export function parseWanted(text: string): string {
  if (text === "") throw new SyntaxError("needs a value");
  return text;
}

const SECRET_MIN = 8;

/**
 * A shared secret. The newline at the end of a file that was read with `@(file)` is no part of it, so
 * that two machines agree however their files were written.
 */
export function parseSecret(text: string): string {
  const secret = text.trim();
  if (secret.length < SECRET_MIN) throw new SyntaxError(`needs ${SECRET_MIN} characters or more`);
  return secret;
}
