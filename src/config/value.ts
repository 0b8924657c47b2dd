/**
 * The values of options: text in, a typed value or a SyntaxError out. The message says what was
 * wanted; the caller adds the option's name, its place and the value.
 */

/** Whole, `min` or more. */
export function parseInteger(text: string, min: number): number {
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || value < min) {
    throw new SyntaxError(`wants a whole number ≥ ${min}`);
  }
  return value;
}

/** Seconds, fractions allowed. */
export function parseSeconds(text: string, min: number): number {
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value < min) {
    throw new SyntaxError(`wants a number of seconds ≥ ${min}`);
  }
  return value;
}

/** uWSGI's flags: a bare key, `true`, `yes`, `1`, `on` and their opposites. */
export function parseBoolean(text: string): boolean {
  if (["", "true", "yes", "1", "on"].includes(text)) return true;
  if (["false", "no", "0", "off"].includes(text)) return false;
  throw new SyntaxError("wants true or false");
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `2h`, `1d`; a bare number is seconds. Returns milliseconds, 1 or more. */
export function parseDuration(text: string): number {
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit] ?? NaN);
  if (!(ms >= 1)) throw new SyntaxError("wants a duration such as 500ms, 30s, 5m, 2h or 1d");
  return ms;
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
      throw new SyntaxError(`knows ${known.join(", ")}, not "${part}"`);
    }
    settings.set(key, part.slice(equals + 1));
  }
  return { settings, rest: rest.trim() };
}

export function parseWanted(text: string): string {
  if (text === "") throw new SyntaxError("wants a value");
  return text;
}
